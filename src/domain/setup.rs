//! The first start: making the first owner and the first account, once and for all.

use std::time::Duration;

use super::actor::Actor;
use super::fields::{self, AccountId, Email};
use super::memberships::Place;
use super::permissions::ADMIN;
use super::tokens::{self, Claims, Kind};
use super::users::{self, Member};
use super::{accounts, passwords, sessions};
use crate::db::{Read, Write};
use crate::error::{Error, Problem, Problems, Result};

/// How long a set-up link works; `rollcall link` prints a new one.
pub const LINK_LIFETIME: Duration = Duration::from_secs(3600);

/// What the set-up page and `rollcall init` ask for. The password, if one is asked for, is checked and hashed before it gets
/// here.
#[derive(Clone, Debug, Default)]
pub struct FirstOwner {
    pub email: String,
    pub name: String,
    pub account_id: Option<AccountId>,
    pub account_name: String,
    pub password_hash: Option<String>,
}

/// Whether the server has an owner, which is whether set-up is closed.
pub fn is_done(r: &Read) -> Result<bool> {
    r.value("select exists (select 1 from users where owner = 1)", [])
}

/// Issues a set-up link, as long as there is no owner.
pub fn create_link(w: &Write) -> Result<Claims> {
    require_open(w)?;
    tokens::issue(w, Kind::SetUpLink, None, LINK_LIFETIME)
}

/// Whether a set-up link still works.
pub fn require_link(r: &Read, link: &Claims) -> Result<()> {
    require_open(r)?;
    tokens::require(r, link)
}

/// Spends a set-up link: makes the first owner and signs them in.
pub fn create_from_link(w: &mut Write, link: &Claims, new: FirstOwner) -> Result<Claims> {
    require_open(w)?;
    tokens::redeem(w, link)?;
    let by_password = new.password_hash.is_some();
    let user_id = create(w, new)?;
    if by_password { sessions::create_by_password(w, user_id) } else { sessions::create(w, user_id) }
}

/// Makes the first owner, an admin of the first account, and closes set-up. Returns the owner's id.
///
/// The writer runs one closure at a time, so of two people with the same link only one gets through.
pub fn create(w: &mut Write, new: FirstOwner) -> Result<i64> {
    require_open(w)?;
    let (email, name, account_name) = parse(&new, Vec::new())?;
    let trace = w.actor.trace.clone();
    w.acting_as(Actor { email: Some(email.as_str().into()), trace, ..Actor::nobody() });
    let account = accounts::create(w, new.account_id, &account_name)?;
    let member = Member { email, name, active: true, owner: true, ..Member::default() };
    let place = Place { account_admin: true, ..Place::with_role(ADMIN) };
    let user_id = users::insert(w, &account.id, &member, &place)?;
    if let Some(hash) = new.password_hash {
        passwords::set(w, user_id, member.email.as_str(), &hash)?;
    }
    tokens::revoke_all(w, Kind::SetUpLink, None)?;
    Ok(user_id)
}

/// Everything that is wrong with it and with the password, which was checked and hashed before; the hash, if nothing is.
pub fn check(new: &FirstOwner, hash: Result<Option<String>>) -> Result<Option<String>> {
    let (hash, wrong) = match hash {
        Err(Error::Invalid(wrong)) => (None, wrong),
        hash => (hash?, Vec::new()),
    };
    parse(new, wrong).map(|_| hash)
}

/// What is known of the first owner, for [`passwords::check`].
pub fn words(new: &FirstOwner) -> Vec<String> {
    vec![new.email.clone(), new.name.clone(), new.account_name.clone()]
}

/// The values, or all that is wrong, in the order of the form. What is wrong with the password was found out before.
fn parse(new: &FirstOwner, of_password: Vec<Problem>) -> Result<(Email, Option<String>, String)> {
    let mut problems = Problems::default();
    let email = problems.take(Email::parse("email", &new.email));
    let name = problems.take(fields::name("name", &new.name));
    of_password.into_iter().for_each(|problem| problems.push(problem));
    let account_name = problems.take(accounts::parse_name("accountName", &new.account_name));
    problems.none().map(|()| (email, name, account_name))
}

fn require_open(r: &Read) -> Result<()> {
    if is_done(r)? {
        return Err(Error::Conflict("already_set_up", "This server has an owner already, so set-up is closed.".into()));
    }
    Ok(())
}
