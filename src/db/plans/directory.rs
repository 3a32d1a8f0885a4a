//! The people over whom plans are made: so many, and what is rare among them stays so.

use rusqlite::Connection;

use crate::db::{SCHEMA, TAKE_UP, configure};
use crate::domain::fields::EmailText;

/// The e-mail of the person `i`, in SQL. Hardly two of an account begin with the same letters, and with each of them somebody of the
/// other one, however many there are.
fn email_sql(people: usize) -> String {
    let letter = |divisor| format!("97 + i % {people} / {divisor} % 26");
    format!("char({}, {}, {}) || i || '@example.com'", letter(1), letter(26), letter(676))
}

pub fn email(i: i64) -> EmailText {
    let letter = |n: i64| char::from(b'a' + u8::try_from(n % 26).unwrap());
    EmailText(format!("{}{}{}{i}@example.com", letter(i), letter(i / 26), letter(i / 676)))
}

/// An account of `people`, and as many in another one. Some of everything is rare: twenty, whatever the size.
pub fn directory(people: usize) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    configure(&conn).unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    let (rare, email) = (format!("i % {} = 0", people / 20), email_sql(people));
    conn.execute_batch(&format!(
        "begin;
         insert into accounts (id, name, created_at, updated_at) values ('here', 'Here', 0, 0), ('there', 'There', 0, 0);
         insert into teams (id, account_id, name, name_key, created_at, updated_at)
           values (1, 'here', 'Big', 'big', 0, 0), (2, 'here', 'Small', 'small', 0, 0);
         insert into roles (account_id, name, created_at, updated_at) values ('here', 'pilot', 0, 0);
         create temporary table n as with recursive n(i) as (select 1 union all select i + 1 from n where i < 2 * {people})
           select i, iif(i > {people}, 'there', 'here') account from n;
         insert into users (id, email, email_key, name, name_key, active, owner, created_by, updated_by, created_at, updated_at)
           select i, {email}, {email}, 'x', iif({rare}, 'zebedee ', 'person ') || i,
                  not ({rare}), i = 1, 'x', 'x', i, i from n;
         {TAKE_UP};
         update search_progress set indexed_to = (select max(id) from users);
         insert into memberships (account_id, user_id, primary_account, account_admin, team_id, roles, permissions, joined_at,
                                  invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at)
           select account, i, i % 7 > 1, {rare} and i % 7 > 1, iif(account = 'here', iif({rare}, 2, 1), null),
                  iif({rare} and account = 'here', json_array('member', 'pilot'), json_array('member')),
                  iif({rare}, json_array('roles.assign'), null), i,
                  iif(i % 7 = 0, {email}, null), iif(i % 7 = 0, 'x', null),
                  iif(i % 7 = 1, i, null),
                  email_key, name_key, active, created_at, updated_at from n join users on id = i;
         insert into memberships_apart select * from standing_apart;
         insert into role_holders select account_id, value, user_id from memberships, json_each(roles);
         insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name)
           select i, iif(i % 2, 'api_key', 'session'), iif({rare}, 1, i), i, 1000000, iif(i % 2 and {rare}, account, null), 'x'
             from n;
         update users set invitation_id = id, invitation_created_at = id, invitation_expires_at = 1000000;
         insert into passwords select i, 'x', 0, 0 from n;
         insert into idempotency_keys select i, account, i, x'00', 'x', i from n;
         insert into notification_preferences select i, 'lead_created', account, null, 0 from n;
         insert into events (event, at, account_id, actor_id, actor, subject_id, subject)
           select iif({rare}, 'team_created', 'user_created'), i, account, iif({rare}, 2, 1), 'x', i, 'x' from n;
         insert into latest_events select * from events where id > (select max(id) - 50 from events);
         delete from events where id in (select id from latest_events);
         commit;"
    ))
    .unwrap();
    conn
}
