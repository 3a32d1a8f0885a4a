//! The rules, as data: what holds, who offends against it, and what to do then.

use std::collections::BTreeSet;

use argon2::password_hash::phc::PasswordHash;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use webauthn_rs::prelude::{Passkey, Uuid};

use crate::db::Value;
use crate::db::inspect::Function;
use crate::domain::fields::{self, AccountId, Email};
use crate::domain::permissions::{self, Permission};
use crate::domain::preferences::Delivery;
use crate::domain::pulse::PulseEvent;
use crate::error::Problem;

/// Something that always holds, though the schema doesn't see to it.
#[derive(Debug)]
pub struct Rule {
    pub name: &'static str,
    /// What holds.
    pub sentence: &'static str,
    /// What to do where it doesn't, and can't be made anew.
    pub cure: &'static str,
    /// Selects an `offender` for each time that it doesn't.
    pub sql: &'static str,
    /// Makes it hold again, where it is about what is kept besides, to find people quickly, and can be made from the rest.
    pub repair: &'static [&'static str],
}

/// What the rules' SQL may call.
pub const FUNCTIONS: &[Function] = &[
    ("email_key", |text| Value::Text(fields::email_key(text))),
    ("folded", |text| Value::Text(fields::fold(text))),
    ("is_email", |text| yes(Email::stored("", text).is_ok_and(|email| email.as_str() == text))),
    ("is_name", |text| same(fields::stored_name("", text), text)),
    ("is_phone", |text| same(fields::phone("", text), text)),
    ("is_img_src", |text| same(fields::stored_img_src("", text), text)),
    ("is_account_id", |text| yes(AccountId::parse("", text).is_ok())),
    ("is_event", |text| yes(text.parse::<PulseEvent>().is_ok())),
    ("is_permission", |text| yes(Permission::find(text).is_some())),
    ("are_permissions", |text| yes(are_permissions(text))),
    ("are_deliveries", |text| yes(are_deliveries(text))),
    ("is_built_in", |text| yes(permissions::built_in(text).is_some())),
    ("is_hash", |text| yes(PasswordHash::new(text).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id"))),
    ("credential_id", credential_id),
    ("is_uuid", |text| yes(Uuid::parse_str(text).is_ok())),
];

fn yes(is: bool) -> Value {
    Value::Integer(is.into())
}

/// Whether a value that is parsed is already what it is parsed to.
fn same(parsed: Result<Option<String>, Problem>, text: &str) -> Value {
    yes(parsed.is_ok_and(|parsed| parsed.as_deref() == Some(text)))
}

fn are_permissions(json: &str) -> bool {
    let names: Result<Vec<String>, _> = serde_json::from_str(json);
    names.is_ok_and(|names| names.iter().all(|name| Permission::find(name).is_some()))
}

fn are_deliveries(json: &str) -> bool {
    let kinds: Result<Vec<Delivery>, _> = serde_json::from_str(json);
    kinds.is_ok_and(|kinds| kinds.iter().collect::<BTreeSet<_>>().len() == kinds.len())
}

/// The ID of a credential that can be read; nothing otherwise.
fn credential_id(json: &str) -> Value {
    let credential: Result<Passkey, _> = serde_json::from_str(json);
    credential.map_or(Value::Null, |credential| Value::Text(BASE64_URL_SAFE_NO_PAD.encode(credential.cred_id())))
}

const GO_BACK: &str = "Nothing in Rollcall leaves it so: something else wrote to the file. Restore the last good backup: \
                       rollcall restore FILE";

macro_rules! rules {
    ($($name:ident $sentence:literal $cure:tt $sql:literal $(=> $($repair:literal)+)?)*) => {
        /// Every rule that the schema alone does not hold.
        pub const RULES: &[Rule] = &[$(Rule {
            name: stringify!($name),
            sentence: $sentence,
            cure: $cure,
            sql: $sql,
            repair: &[$($($repair),+)?],
        }),*];
    };
}

rules! {
    // SQLite's own check tells. Before all others, which look things up by them.
    indexes "The indexes are as Rollcall makes them, and each has the rows of its table."
        GO_BACK
        "select '' as offender where 0"
        => "reindex"

    // Before what is about people: a repair of those writes to the index, too, which must be sound for it.
    search "People are searched for by the e-mail and the name they have, and nobody who has gone is."
        GO_BACK
        // Both are compared as a whole first, since to look for each term of each takes long.
        "with as_it_should_be as materialized
           (select (select sum(search_marks(term, doc)) from user_search_terms) is
                   (select sum(search_marks(terms, place)) from searched) as it_is)
         select 'user ' || id as offender from as_it_should_be cross join searched s
          where not it_is and not exists (select 1 from user_search where user_search match s.terms and rowid = s.place)
         union
         select 'user ' || (doc & 0xfffffff) from as_it_should_be cross join user_search_terms t
          where not it_is
            and not exists (select 1 from searched s where s.id = doc & 0xfffffff and s.place = doc
                                                       and instr(' ' || s.terms, ' ' || t.term || ' '))
         union
         -- That goes along the terms; a search looks for some.
         select 'user ' || id from searched s
          where id % (1 + (select indexed_to from search_progress) / 100) = 0
            and not exists (select 1 from user_search where user_search match s.terms and rowid = s.place)
         union
         select 'this server' where not exists (select 1 from search_progress)"
        => "insert or replace into user_search_config values ('version', 4), ('pgsz', 1000)"
           "delete from user_search_data where id = 10"
           "insert or replace into search_progress values (1, (select ifnull(max(id), 0) from users))"
           "insert into user_search (user_search) values ('rebuild')"
           "insert into user_search (user_search, rank) values ('automerge', 0), ('usermerge', 2), ('pgsz', 1000)"

    emails "An e-mail is one, without white space around it."
        "Change the e-mail on the person's page."
        "select 'user ' || id as offender from users where not is_email(email)"

    email_keys "People are found by the e-mail they have."
        "If two people have the same, capitals and the end of Greek words aside (ς and σ), give one of them another."
        "select 'user ' || id as offender from users where email_key <> email_key(email)"
        // Some may have each other's.
        => "update users set email_key = char(0) || id where email_key <> email_key(email)"
           "update users set email_key = email_key(email) where email_key <> email_key(email)"

    name_keys "People are found and sorted by the name they have."
        GO_BACK
        "select 'user ' || id as offender from users where name_key <> folded(ifnull(name, ''))"
        => "update users set name_key = folded(ifnull(name, '')) where name_key <> folded(ifnull(name, ''))"

    profiles "A name is one line, a phone number is one, and a picture's address leads to the web."
        "Change it on the person's page."
        "select 'user ' || id as offender from users
          where not (ifnull(is_name(name), 1) and ifnull(is_phone(phone), 1) and ifnull(is_img_src(img_src), 1))"

    makers "It is known by e-mail who made and changed a person."
        GO_BACK
        "select 'user ' || id as offender from users where created_by = '' or updated_by = ''"

    owner "A server that has people has an owner who may come in."
        "Make an owner active again: rollcall user restore E"
        "select 'this server' as offender
          where exists (select 1 from users) and not exists (select 1 from users where owner = 1 and active = 1)"

    accounts "An account has an ID that fits into a header, and a name."
        "Rename the account."
        "select 'account ' || id as offender from accounts where not (is_account_id(id) and is_name(name))"

    primary_account "Who is in an account has one that is their primary one."
        "They choose it on their own page, or leave and join the account again."
        "select 'user ' || user_id as offender from memberships
          where removed_at is null and invited_email is null group by user_id having sum(primary_account) <> 1"

    nowhere "Everybody but an owner is in an account, invited to one, or in a recycle bin."
        GO_BACK
        "select 'user ' || id as offender from users u
          where owner = 0 and not exists (select 1 from memberships where user_id = u.id)"

    repeated_columns "An account lists its people as they are."
        GO_BACK
        "select 'user ' || m.user_id || ' in account ' || m.account_id as offender
           from memberships m join users u on u.id = m.user_id
          where m.invited_email is null and m.removed_at is null
            and (m.email_key, m.name_key, m.active, m.created_at, m.updated_at)
                <> (u.email_key, u.name_key, u.active, u.created_at, u.updated_at)"
        => "update memberships as m set (email_key, name_key, active, created_at, updated_at) =
                   (u.email_key, u.name_key, u.active, u.created_at, u.updated_at)
              from users u
             where u.id = m.user_id and m.invited_email is null and m.removed_at is null
               and (m.email_key, m.name_key, m.active, m.created_at, m.updated_at)
                   <> (u.email_key, u.name_key, u.active, u.created_at, u.updated_at)"

    search_apart "Who changed their e-mail or name while pending or in a recycle bin is found there by what they had."
        GO_BACK
        "select 'user ' || m.user_id || ' in account ' || m.account_id as offender
           from (select account_id, user_id, email_key, name_key from memberships where removed_at is not null union all
                 select account_id, user_id, email_key, null from memberships where invited_email is not null) m
           join users u on u.id = m.user_id
          where (m.email_key <> u.email_key or m.name_key <> u.name_key)
            and not exists (select 1 from search_apart where account_id = m.account_id and user_id = m.user_id)"
        => "insert or ignore into search_apart (account_id, user_id)
            select m.account_id, m.user_id
              from (select account_id, user_id, email_key, name_key from memberships where removed_at is not null union all
                    select account_id, user_id, email_key, null from memberships where invited_email is not null) m
              join users u on u.id = m.user_id
             where m.email_key <> u.email_key or m.name_key <> u.name_key"

    invitations "Of whom it only invited, an account knows the e-mail it invited and nothing else."
        "Withdraw the invitation and send it again."
        "select 'user ' || user_id || ' in account ' || account_id as offender from memberships
          where invited_email is not null
            and (email_key <> email_key(invited_email) or name_key <> '' or active <> 1 or invited_by = ''
                 or removed_at is not null)"

    deleted_accounts "A deleted account has nobody in it, and nobody is invited to it."
        GO_BACK
        "select 'user ' || m.user_id || ' in account ' || m.account_id as offender
           from memberships m join accounts a on a.id = m.account_id
          where a.removed_at is not null and m.removed_at is null"

    teams "A team is found and sorted by the name it has."
        "Rename the team."
        "select 'team ' || id as offender from teams where not is_name(name) or name_key <> folded(name)"

    own_roles "No account's own role has the name of one that every account has."
        "Delete the role."
        "select 'role ' || name || ' of account ' || account_id as offender from roles where is_built_in(name)"

    role_permissions "A role gives permissions that there are."
        "Choose the role's permissions again."
        "select 'role ' || role || ' of account ' || account_id as offender from role_permissions
          where not is_permission(permission)"

    held_roles "Roles that are held are built in, or the account's own."
        "Choose the person's roles again."
        "select 'user ' || user_id || ' in account ' || account_id as offender from memberships m, json_each(m.roles) held
          where not is_built_in(held.value)
            and not exists (select 1 from roles where account_id = m.account_id and name = held.value)"

    role_holders "Who holds a role is found by it."
        GO_BACK
        "select 'user ' || user_id || ' in account ' || account_id as offender
           from memberships m, json_each(m.roles) held
          where not exists (select 1 from role_holders h
                             where h.account_id = m.account_id and h.role = held.value and h.user_id = m.user_id)
         union all
         select 'user ' || user_id || ' in account ' || account_id from role_holders h
          where not exists (select 1 from memberships m, json_each(m.roles) held
                             where m.user_id = h.user_id and m.account_id = h.account_id and held.value = h.role)"
        => "delete from role_holders"
           "insert or ignore into role_holders (account_id, role, user_id)
            select account_id, held.value, user_id from memberships m, json_each(m.roles) held"

    memberships_apart "Who stands apart in an account is found by it, as their membership is."
        GO_BACK
        "select 'user ' || user_id || ' in account ' || account_id as offender from standing_apart s
          where not exists (select 1 from memberships_apart a
                             where a.account_id = s.account_id and a.kind = s.kind and a.user_id = s.user_id
                               and (a.email_key, a.name_key, a.created_at, a.updated_at, a.active, a.account_admin, a.roles)
                                 = (s.email_key, s.name_key, s.created_at, s.updated_at, s.active, s.account_admin, s.roles)
                               and a.team_id is s.team_id and a.invited_email is s.invited_email
                               and a.removed_at is s.removed_at)
         union all
         select 'user ' || user_id || ' in account ' || account_id from memberships_apart a
          where not exists (select 1 from standing_apart s
                             where s.account_id = a.account_id and s.kind = a.kind and s.user_id = a.user_id)"
        => "delete from memberships_apart"
           "insert into memberships_apart select * from standing_apart"

    held_permissions "Permissions that are held are ones that there are."
        "Choose the person's permissions again."
        "select 'user ' || user_id || ' in account ' || account_id as offender from memberships
          where not ifnull(are_permissions(permissions), 1)"

    preferences "Notification preferences are about events that there are, each with kinds of delivery named once."
        "Choose the person's notification preferences again."
        "select 'user ' || user_id as offender from notification_preferences
          where not is_event(event) or not ifnull(are_deliveries(delivery), 1) or position < 0"

    passwords "A password is kept as an argon2id hash."
        "Let them choose a new one: rollcall user reset-password E"
        "select 'user ' || user_id as offender from passwords where not is_hash(hash)"

    passkeys "A passkey's public half can be read, is kept under its own ID, and its user has a handle."
        "Delete the passkey; they register it again: rollcall user passkey-link E"
        "select 'passkey ' || id || ' of user ' || user_id as offender from passkeys p
          where credential_id(credential) is not id
             or not exists (select 1 from passkey_handles where user_id = p.user_id and is_uuid(handle))"

    tokens "A token has an ID, and ends after it began."
        "Revoke it, or end all of them: rollcall key rotate --revoke"
        "select kind || ' of user ' || ifnull(user_id, '–') as offender from tokens
          where id = '' or expires_at < created_at union all
         select 'invitation of user ' || id from users
          where invitation_id = '' or invitation_expires_at < invitation_created_at"

    api_keys "Only an API key is held back to an account and to permissions, and then it has a name."
        "Revoke it on its user's page of API keys."
        "select kind || ' of user ' || ifnull(user_id, '–') as offender from tokens
          where (account_id is null) <> (name is null) or permissions is not null and account_id is null
             or account_id is not null and kind <> 'api_key' or not ifnull(are_permissions(permissions), 1)"

    impersonations "Who acts as somebody else does so from a session of their own, and not as themself."
        "End it on the person's page, or end all sessions: rollcall key rotate --revoke"
        "select 'session of user ' || t.user_id as offender from tokens t left join tokens own on own.id = t.parent_id
          where t.impersonator_id is not null
            and (own.kind is not 'session' or own.user_id is not t.impersonator_id or own.impersonator_id is not null
                 or t.user_id = t.impersonator_id)"

    kept_answers "An answer that is kept to be given again is sealed, and known by the SHA-256 of what was asked."
        "It goes by itself within a day."
        "select 'answer to user ' || user_id as offender from idempotency_keys
          where answer not like 'v4.local.%' or length(fingerprint) <> 32"

    events "An event has a name that there is, and tells of changes as an object."
        GO_BACK
        "select 'event ' || id as offender from all_events
          where not is_event(event) or changes is not null and json_type(changes) <> 'object'"

    latest_events "The latest events stand apart from the others, and are later than those."
        GO_BACK
        "select 'event ' || id as offender from latest_events where id <= (select ifnull(max(id), 0) from events)"

    ids "No ID is given twice, even after its user, team or event has gone."
        GO_BACK
        "select t.name || ' ' || t.last as offender
           from (select 'users' as name, max(id) as last from users union all
                 select 'teams', max(id) from teams union all
                 select 'latest_events', max(id) from (select max(id) as id from events union all
                                                       select max(id) from latest_events)) t
          where t.last > ifnull((select seq from sqlite_sequence s where s.name = t.name), 0)"

    // A machine whose clock was never set begins in 1970: that is nobody else's doing.
    times "What happened happened between 1970 and 2200."
        GO_BACK
        "select offender from
           (select 'account ' || id as offender, min(created_at, updated_at, ifnull(removed_at, created_at)) as first,
                   max(created_at, updated_at, ifnull(removed_at, created_at)) as last from accounts union all
            select 'user ' || id, min(created_at, updated_at), max(created_at, updated_at) from users union all
            select 'team ' || id, min(created_at, updated_at), max(created_at, updated_at) from teams union all
            select 'user ' || user_id || ' in account ' || account_id, min(joined_at, ifnull(removed_at, joined_at)),
                   max(joined_at, ifnull(removed_at, joined_at)) from memberships union all
            select kind || ' of user ' || ifnull(user_id, '–'), created_at, created_at from tokens union all
            select 'invitation of user ' || id, invitation_created_at, invitation_created_at from users
             where invitation_id is not null union all
            select 'event ' || id, at, at from all_events)
          where first < 0 or last > 7258118400000"
}
