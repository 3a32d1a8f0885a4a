//! Teams: groups of people inside one account. A member is in one at most.

use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use super::events::{self, Changes, Subject};
use super::fields::{self, AccountId, fold};
use super::object::{not_null, only_from_objects};
use super::permissions::Permission;
use super::pulse::PulseEvent;
use super::users::{self, COUNT_MAX, counted};
use super::{MOST, require_room};
use crate::clock::Timestamp;
use crate::db::{Read, Row, RowResult, Write, params};
use crate::error::{Error, Problem, Result};

/// A team of an account.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// Team ID
    pub id: i64,
    pub name: String,
    /// Whether people can be put into it
    pub active: bool,
    /// How many members are in it; 1000 stands for all above it too, and 100 in a list on a server of more than 20,000 people
    pub members: i64,
    /// Creation timestamp
    pub created_at: Timestamp,
    /// Last update timestamp
    pub updated_at: Timestamp,
}

impl Team {
    /// Changes with what can be changed about it.
    pub fn version(&self) -> String {
        users::etag(&format!("{} {}", self.active, self.name))
    }
}

/// A new team.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, remote = "Self")]
pub struct NewTeam {
    /// Its name; no two teams of an account have the same one
    #[oai(validator(min_length = 1, max_length = 200))]
    pub name: String,
}

only_from_objects!(NewTeam);

/// What changes about a team. What is left out stays as it is.
#[derive(Clone, Debug, Default, Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default, remote = "Self")]
pub struct TeamPatch {
    #[oai(validator(min_length = 1, max_length = 200))]
    #[serde(deserialize_with = "not_null")]
    pub name: Option<String>,
    /// Whether people can be put into it; those who are in it stay
    #[serde(deserialize_with = "not_null")]
    pub active: Option<bool>,
}

only_from_objects!(TeamPatch);

/// Makes a team in the actor's account.
pub fn create(w: &Write, new: NewTeam) -> Result<Team> {
    let account = w.actor.require(Permission::TeamsManage)?.clone();
    let name = parse_name(&new.name)?;
    let there = w.value("select count(*) from teams where account_id = ?1", [account.as_str()])?;
    require_room(there, MOST, "teams")?;
    let sql = "insert into teams (account_id, name, name_key, created_at, updated_at) values (?1, ?2, ?3, ?4, ?4)
               on conflict (account_id, name_key) do nothing";
    let id = w.insert(sql, params![account.as_str(), name, fold(&name), w.now])?;
    let id = id.ok_or_else(|| taken(&name))?;
    events::record(w, PulseEvent::TeamCreated, Some(&account), Subject::named(&name), None)?;
    load(w, &account, id)
}

/// A team of the actor's account.
pub fn find(r: &Read, id: i64) -> Result<Team> {
    let account = r.actor.require(Permission::UsersRead)?;
    load(r, account, id)
}

/// Every team of the actor's account, by name.
pub fn list(r: &Read) -> Result<Vec<Team>> {
    let account = r.actor.require(Permission::UsersRead)?;
    let sql = teams(counted(r)?, "order by name_key, id");
    r.all(&sql, [account.as_str()], from_row)
}

/// The ids of the account's teams and what they are called. Nobody counts who is in them.
pub fn names(r: &Read) -> Result<Vec<(i64, String)>> {
    let account = r.actor.require(Permission::UsersRead)?;
    let sql = "select id, name from teams where account_id = ?1 order by name_key, id";
    r.all(sql, [account.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Renames, activates or deactivates a team. `seen` is the version the change was made of.
pub fn update(w: &Write, id: i64, patch: TeamPatch, seen: Option<&str>) -> Result<Team> {
    let account = w.actor.require(Permission::TeamsManage)?.clone();
    let before = load(w, &account, id)?;
    if seen.is_some_and(|seen| seen != before.version()) {
        return Err(Error::Changed("Somebody else has changed this team meanwhile.".into()));
    }
    let name = match &patch.name {
        Some(name) => parse_name(name)?,
        None => before.name.clone(),
    };
    let active = patch.active.unwrap_or(before.active);
    if (&name, active) == (&before.name, before.active) {
        return Ok(before);
    }
    let sql = "update or ignore teams set name = ?3, name_key = ?4, active = ?5, updated_at = ?6
                where account_id = ?1 and id = ?2";
    if w.run(sql, params![account.as_str(), id, name, fold(&name), active, w.now])? == 0 {
        return Err(taken(&name));
    }
    if name != before.name {
        let changes = Changes::of("name", &before.name, &name);
        events::record(w, PulseEvent::TeamUpdated, Some(&account), Subject::named(&name), changes)?;
    }
    if active != before.active {
        let event = if active { PulseEvent::TeamActivated } else { PulseEvent::TeamDeactivated };
        let changes = Changes::of("active", before.active, active);
        events::record(w, event, Some(&account), Subject::named(&name), changes)?;
    }
    load(w, &account, id)
}

/// Deletes a team; its members stay in the account, in no team.
pub fn delete(w: &Write, id: i64) -> Result<()> {
    let account = w.actor.require(Permission::TeamsManage)?.clone();
    let team = load(w, &account, id)?;
    // All of them, whom it takes out anyway.
    let members: i64 = w.value("select count(*) from memberships where team_id = ?1 and removed_at is null", [id])?;
    w.run(
        "update memberships set team_id = null where account_id = ?1 and team_id = ?2",
        params![account.as_str(), id],
    )?;
    w.run("delete from teams where account_id = ?1 and id = ?2", params![account.as_str(), id])?;
    let changes = Changes::of("members", members, 0);
    events::record(w, PulseEvent::TeamDeleted, Some(&account), Subject::named(&team.name), changes)
}

/// Whether somebody can be put into this team of the account.
pub fn check(r: &Read, account: &AccountId, id: i64) -> Result<()> {
    let sql = "select active from teams where account_id = ?1 and id = ?2";
    match r.maybe(sql, params![account.as_str(), id], |row| row.get::<_, bool>(0))? {
        Some(true) => Ok(()),
        Some(false) => Err(Error::invalid("teamId", "team_inactive", format!("Team {id} is not active."))),
        None => Err(Error::invalid("teamId", "unknown_team", format!("There is no team {id} in this account."))),
    }
}

fn parse_name(name: &str) -> Result<String> {
    let name = fields::name("name", name)
        .and_then(|name| name.ok_or_else(|| Problem::new("name", "name_missing", "Enter a name for the team.")));
    name.map_err(|problem| Error::Invalid(vec![problem]))
}

fn taken(name: &str) -> Error {
    Error::Conflict("team_exists", format!("There is a team {name} already.").into())
}

/// Teams of the account ?1, of which `rest` says more, with at most so many of their members.
fn teams(counted: usize, rest: &str) -> String {
    format!(
        "select t.id, t.name, t.active, t.created_at, t.updated_at,
                (select count(*) from (select 1 from memberships
                                        where team_id = t.id and removed_at is null limit {counted}))
           from teams t where account_id = ?1 {rest}"
    )
}

fn from_row(row: &Row) -> RowResult<Team> {
    Ok(Team {
        id: row.get(0)?,
        name: row.get(1)?,
        active: row.get(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        members: row.get(5)?,
    })
}

fn load(r: &Read, account: &AccountId, id: i64) -> Result<Team> {
    let sql = teams(COUNT_MAX, "and id = ?2");
    r.maybe(&sql, params![account.as_str(), id], from_row)?
        .ok_or_else(|| Error::not_found(format!("There is no team {id} in this account.")))
}
