-- A file of schema 10, as `tests/schemas.rs` had it written. Not to be changed.
-- token: v4.local.llSne8PLLkd60U5_sJ8cz6uxgZRLQs1zsYgIxCECDHQ9qe8tuYzGdNJB5J9m69ULyLVRTbD-_Rgz-3Iim9Ob1a9mBRYYWINLZz1G_GfdxAMngkEFLrbw2OsyP2rAZULafkuqcbNyJ0Iv3M4vD-2akvh0V-BcdfmuWetuGHlC4dtwvo_e44SlhfPBrPxOfLD9zRqM7eF9gxG2vd66ZtxHbJMSikAuyThAsRtds1Miec4.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- key: v4.local.tJTqlRr7Uw1jyWz_llF5Io2cOvHdg4Qu-2V9aj1XSBex6Td8OFMyVsVs9xYf9YGCO5taKgCR9DJZqKqscxqdxRTsozmsbpY4oDieygxDMpQz21NSpX8MlDQEwomdVnbVsB0L0HBpZvCZOoAs1s6ZrsFpkVt41DsoXSkh6Z550vwImxatGy2Es1pH9s4YAl-1iQ6de2-TUaH0xxRhBRit_kgqf675kZNiIOdRGmS9M0w.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- passkey: jdjymhn27kzffqAaq19Hqg zfAikjiyuxW4a5xIwiL2ZD0A1mIz5XmHMwvRwH3_Ugs hV6XUrR3QMSLsMUEyzmxvg
pragma foreign_keys = off;
pragma application_id = 1383033964;
pragma user_version = 10;
CREATE TABLE accounts (
  id          text primary key check (length(id) between 1 and 64),  -- text because clients send it in a header
  name        text not null,
  created_at  integer not null,
  updated_at  integer not null,
  removed_at  integer                                                -- deleted
) strict;
CREATE INDEX accounts_name    on accounts (name, id)  where removed_at is null;
CREATE INDEX accounts_removed on accounts (removed_at) where removed_at is not null;
CREATE TABLE users (
  id          integer primary key autoincrement,                     -- never used again: events outlive people
  email       text not null,
  email_key   text not null,
  name        text,
  name_key    text not null default '',
  phone       text,
  img_src     text,
  active      integer not null default 1 check (active in (0, 1)),
  owner       integer not null default 0 check (owner in (0, 1)),   -- may do everything in every account
  created_by  text not null,                                        -- an e-mail, and still true once its person has gone
  updated_by  text not null,
  created_at  integer not null,
  updated_at  integer not null,
  -- The first token of whoever has nothing else to come in with: every new user has one, and nobody has two. One that has ended
  -- stays until they choose a password, or get another. Like that of any other token, this is its name, and no secret.
  invitation_id         text,
  invitation_created_at integer,
  invitation_expires_at integer check ((invitation_id is null) = (invitation_created_at is null)
                                   and (invitation_id is null) = (invitation_expires_at is null)),
  constraint users_email unique (email_key)
) strict;
CREATE INDEX users_owner on users (active) where owner = 1;
CREATE TABLE search_progress (
  id          integer primary key check (id = 1),
  indexed_to  integer not null
) strict;
CREATE VIEW searched as
  select search_place(email_key, id) as place, search_terms(email_key, name_key) as terms, id
    from users where id <= (select indexed_to from search_progress);
CREATE VIRTUAL TABLE user_search using fts5 (terms, content = 'searched', content_rowid = 'place',
                                             tokenize = "ascii tokenchars '_'", detail = none, columnsize = 0);
CREATE VIRTUAL TABLE user_search_terms using fts5vocab (user_search, instance);
CREATE TRIGGER users_to_search_update after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key)
   and old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, terms)
    values ('delete', search_place(old.email_key, old.id), search_terms(old.email_key, old.name_key));
  insert into user_search (rowid, terms) select place, terms from searched where id = new.id;
end;
CREATE TRIGGER users_to_search_delete after delete on users
  when old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, terms)
    values ('delete', search_place(old.email_key, old.id), search_terms(old.email_key, old.name_key));
end;
CREATE TABLE passwords (
  user_id     integer primary key references users on delete cascade,
  hash        text not null,                                        -- argon2id in PHC form, parameters included
  changed_at  integer not null,
  must_change integer not null default 0 check (must_change in (0, 1)) -- an admin asks for another one at the next sign-in
) strict;
CREATE TABLE passkeys (
  id          text primary key,                                     -- the credential ID, base64url
  user_id     integer not null references users on delete cascade,
  name        text not null,
  credential  text not null check (json_valid(credential)),         -- public key and counter, as the WebAuthn library keeps them
  created_at  integer not null,
  used_at     integer
) strict;
CREATE INDEX passkeys_user on passkeys (user_id, created_at);
CREATE TABLE passkey_handles (
  user_id     integer primary key references users on delete cascade,
  handle      text not null,                                        -- a UUID
  constraint passkey_handles_handle unique (handle)
) strict;
CREATE TABLE teams (
  id          integer primary key autoincrement,
  account_id  text not null references accounts on delete cascade,
  name        text not null,
  name_key    text not null,
  active      integer not null default 1 check (active in (0, 1)),
  created_at  integer not null,
  updated_at  integer not null,
  constraint teams_name unique (account_id, name_key),
  constraint teams_account unique (id, account_id)                  -- lets a membership prove its team is of its account
) strict;
CREATE TABLE roles (
  account_id  text not null references accounts on delete cascade,
  name        text not null,
  created_at  integer not null,
  updated_at  integer not null,
  constraint roles_name primary key (account_id, name)
) strict, without rowid;
CREATE TABLE role_permissions (
  account_id  text not null,
  role        text not null,
  permission  text not null,
  primary key (account_id, role, permission),
  foreign key (account_id, role) references roles on delete cascade
) strict, without rowid;
CREATE TABLE memberships (
  user_id          integer not null references users on delete cascade,
  account_id       text not null references accounts on delete cascade,
  primary_account  integer not null check (primary_account in (0, 1)), -- of one membership of a user
  account_admin    integer not null default 0 check (account_admin in (0, 1)),
  team_id          integer,
  roles            text not null default '[]' check (json_valid(roles)), -- a JSON array, sorted: built-in ones or the account's own
  permissions      text check (json_valid(permissions)),            -- a JSON array: those held apart from any role; null: none
  joined_at        integer not null,
  invited_email    text,                                            -- as it was typed; set while pending
  invited_by       text,                                            -- an e-mail; set while pending
  removed_at       integer,
  -- ------------------
  email_key        text not null,
  name_key         text not null,
  active           integer not null,
  created_at       integer not null,
  updated_at       integer not null,
  primary key (user_id, account_id),
  foreign key (team_id, account_id) references teams (id, account_id),
  check (primary_account = 0 or (invited_email is null and removed_at is null)),
  check ((invited_email is null) = (invited_by is null))
) strict, without rowid;
CREATE INDEX memberships_team    on memberships (team_id, user_id, removed_at) where team_id is not null;
CREATE INDEX memberships_email   on memberships (account_id, email_key, user_id, name_key, created_at, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_name    on memberships (account_id, name_key, user_id, email_key, created_at, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_created on memberships (account_id, created_at, user_id, email_key, name_key, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_updated on memberships (account_id, updated_at, user_id, email_key, name_key, created_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_invited on memberships (joined_at)  where invited_email is not null;
CREATE INDEX memberships_purge   on memberships (removed_at) where removed_at is not null;
CREATE TRIGGER users_to_memberships after update of email_key, name_key, active, updated_at on users begin
  update memberships
     set email_key = new.email_key, name_key = new.name_key, active = new.active, updated_at = new.updated_at
   where user_id = new.id and invited_email is null and removed_at is null;
end;
CREATE TABLE memberships_apart (
  account_id       text not null,
  kind             text not null check (kind in ('removed', 'suspended', 'admin', 'pending')),
  user_id          integer not null,
  -- ------------------
  email_key        text not null,
  name_key         text not null,
  created_at       integer not null,
  updated_at       integer not null,
  active           integer not null,
  account_admin    integer not null,
  team_id          integer,
  roles            text not null,
  invited_email    text,
  removed_at       integer,
  primary key (account_id, kind, user_id)
) strict, without rowid;
CREATE INDEX memberships_apart_email   on memberships_apart
  (account_id, kind, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email);
CREATE INDEX memberships_apart_name    on memberships_apart
  (account_id, kind, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email);
CREATE INDEX memberships_apart_created on memberships_apart
  (account_id, kind, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email);
CREATE INDEX memberships_apart_updated on memberships_apart
  (account_id, kind, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email);
CREATE VIEW standing_apart as
  select account_id, 'removed' as kind, user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles,
         invited_email, removed_at
    from memberships where removed_at is not null union all
  select account_id, 'suspended', user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles,
         invited_email, removed_at
    from memberships where removed_at is null and active = 0 union all
  select account_id, 'admin', user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles,
         invited_email, removed_at
    from memberships where removed_at is null and account_admin = 1 union all
  select account_id, 'pending', user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles,
         invited_email, removed_at
    from memberships where removed_at is null and invited_email is not null;
CREATE TRIGGER memberships_to_apart_update
  after update of email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at
  on memberships
  when old.removed_at is not null or old.active = 0 or old.account_admin = 1 or old.invited_email is not null
    or new.removed_at is not null or new.active = 0 or new.account_admin = 1 or new.invited_email is not null begin
  delete from memberships_apart
   where account_id = old.account_id and kind in ('removed', 'suspended', 'admin', 'pending') and user_id = old.user_id;
  insert into memberships_apart select * from standing_apart where account_id = new.account_id and user_id = new.user_id;
end;
CREATE TRIGGER memberships_to_apart_delete after delete on memberships begin
  delete from memberships_apart
   where account_id = old.account_id and kind in ('removed', 'suspended', 'admin', 'pending') and user_id = old.user_id;
end;
CREATE TABLE search_apart (
  account_id  text not null,
  user_id     integer not null,
  primary key (account_id, user_id),
  foreign key (user_id, account_id) references memberships on delete cascade
) strict, without rowid;
CREATE TRIGGER users_to_search_apart after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key) begin
  insert or ignore into search_apart (account_id, user_id)
    select account_id, user_id from memberships
     where user_id = new.id and (invited_email is not null or removed_at is not null);
end;
CREATE TRIGGER memberships_to_search_apart after update of invited_email, removed_at on memberships
  when new.invited_email is null and new.removed_at is null begin
  delete from search_apart where account_id = new.account_id and user_id = new.user_id;
end;
CREATE TABLE role_holders (
  account_id  text not null,
  role        text not null,
  user_id     integer not null,
  primary key (account_id, role, user_id)
) strict, without rowid;
CREATE TRIGGER memberships_to_role_holders after delete on memberships begin
  delete from role_holders
   where account_id = old.account_id and role in (select value from json_each(old.roles)) and user_id = old.user_id;
end;
CREATE TABLE notification_preferences (
  user_id     integer not null references users on delete cascade,
  event       text not null,
  account_id  text references accounts on delete cascade,
  delivery    text check (json_valid(delivery)),                    -- a JSON array of kinds; null: nothing was said
  position    integer not null                                      -- lists keep the order they were given in
) strict;
CREATE UNIQUE INDEX notification_preferences_one on notification_preferences (user_id, event, ifnull(account_id, ''));
CREATE INDEX notification_preferences_account on notification_preferences (account_id) where account_id is not null;
CREATE TABLE tokens (
  id           text primary key,
  kind         text not null check (kind = 'session' or kind = 'api_key' or kind = 'sign_in_link' or
                                    kind = 'set_up_link' or kind = 'password_reset' or kind = 'passkey_link'),
  user_id      integer references users on delete cascade,          -- null only for a set-up link: nobody exists yet
  created_at   integer not null,
  expires_at   integer not null,
  account_id   text references accounts on delete cascade,          -- an API key for this account alone
  name         text,                                                -- what its maker calls an API key
  permissions  text check (json_valid(permissions)),                -- a JSON array; null: all that its user has
  used_at      integer,                                             -- to within a few minutes
  address      text,                                                -- where a session was started from
  device       text,                                                -- what the browser said it was
  by_password  integer not null default 0 check (by_password in (0, 1)), -- what a session was started with
  proved_at    integer,                                             -- when a session's user proved again who they are; null: when it began
  impersonator_id integer references users on delete cascade,       -- an owner who acts as the user in this session
  reason       text,                                                -- why they do
  parent_id    text references tokens on delete cascade on update cascade, -- the owner's own session, which it ends with
  check ((impersonator_id is null) = (reason is null) and (impersonator_id is null) = (parent_id is null)),
  check (kind = 'session' or (proved_at is null and impersonator_id is null and by_password = 0)),
  check ((user_id is null) = (kind = 'set_up_link'))
) strict, without rowid;
CREATE INDEX tokens_user    on tokens (user_id);
CREATE INDEX tokens_impersonator on tokens (impersonator_id) where impersonator_id is not null;
CREATE INDEX tokens_parent  on tokens (parent_id) where parent_id is not null;
CREATE INDEX tokens_account on tokens (account_id, created_at) where account_id is not null;
CREATE INDEX tokens_expires on tokens (expires_at);
CREATE TABLE idempotency_keys (
  user_id      integer not null references users on delete cascade,
  account_id   text not null,                                       -- it may be gone; the answer follows within a day
  key          text not null,
  fingerprint  blob not null,                                       -- SHA-256 of what was asked
  answer       text not null,
  created_at   integer not null,
  primary key (user_id, account_id, key)
) strict, without rowid;
CREATE INDEX idempotency_keys_created on idempotency_keys (created_at);
CREATE TABLE events (
  id          integer primary key autoincrement,
  event       text not null,
  at          integer not null,
  account_id  text,
  actor_id    integer,
  actor       text,                                                 -- the e-mail of who did it
  impersonator_id integer,
  impersonator text,                                                -- the e-mail of the owner who acted as the actor
  subject_id  integer,
  subject     text,                                                 -- the e-mail, or the name, of what it was done to
  request_id  text,
  address     text,
  changes     text check (json_valid(changes)),                     -- {"field": {"before": …, "after": …}}
  reported    integer not null default 0 check (reported in (0, 1)) -- another system says so
) strict;
CREATE INDEX events_account on events (account_id, at, id);
CREATE INDEX events_event   on events (account_id, event, at, id);
CREATE INDEX events_actor   on events (account_id, actor_id, at, id);
CREATE INDEX events_subject on events (account_id, subject_id, at, id);
CREATE TABLE latest_events (
  id          integer primary key autoincrement,
  event       text not null,
  at          integer not null,
  account_id  text,
  actor_id    integer,
  actor       text,
  impersonator_id integer,
  impersonator text,
  subject_id  integer,
  subject     text,
  request_id  text,
  address     text,
  changes     text check (json_valid(changes)),
  reported    integer not null default 0 check (reported in (0, 1))
) strict;
CREATE VIEW all_events as select * from events union all select * from latest_events;
CREATE TABLE upgrades (
  schema      integer primary key,                                  -- the one it had from then on
  from_schema integer,                                              -- null: it was made with it
  at          integer not null,
  program     text not null                                         -- the version of Rollcall, like 0.1.0
) strict;
insert into user_search (user_search, rank) values ('automerge', 0);
insert into user_search (user_search, rank) values ('usermerge', 2);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('2311', 'Acme', 1795420800000, 1795420800000, NULL);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('4712', 'Closed', 1795421400000, 1795421400000, NULL);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('4713', 'Gone', 1795421400000, 1795421400000, 1795421400000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (1, 'ada@example.com', 'ada@example.com', 'Ada Lovelace', 'ada lovelace', NULL, NULL, 1, 1, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (2, 'grace@example.com', 'grace@example.com', 'Grace Brewster Hopper', 'grace brewster hopper', '+1 (212) 555-0100', 'https://example.com/grace.png', 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795421400000, '99bc6dd950ad46582c4da7cfa81058d8', 1795420800000, 1795680000000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (3, 'linus@example.com', 'linus@example.com', NULL, '', NULL, NULL, 0, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (4, 'margaret@example.com', 'margaret@example.com', NULL, '', NULL, NULL, 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (5, 'eve@example.com', 'eve@example.com', NULL, '', NULL, NULL, 1, 0, 'eve@example.com', 'eve@example.com', 1795421400000, 1795421400000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (6, 'mallory@example.com', 'mallory@example.com', NULL, '', NULL, NULL, 1, 0, 'mallory@example.com', 'mallory@example.com', 1795421400000, 1795421400000, NULL, NULL, NULL);
insert into search_progress (id, indexed_to) values (1, 0);
insert into passwords (user_id, hash, changed_at, must_change) values (1, '$argon2id$v=19$m=7784,t=5,p=1$czhJTicDt8mG7mEtXi9tvQ$p89hPvtc8AUjfGiGnWSZHNbtvga0b6PMQ9qSHKdSWA8', 1795420800000, 0);
insert into passkeys (id, user_id, name, credential, created_at, used_at) values ('jdjymhn27kzffqAaq19Hqg', 1, 'Laptop', '{"cred":{"cred_id":"jdjymhn27kzffqAaq19Hqg","cred":{"type_":"ES256","key":{"EC_EC2":{"curve":"SECP256R1","x":"8kwD3wv878vXNuc9c6S7aGmlEt7iAez-msDTvcE_Q9U","y":"JdkZZRcVb8uTyaCIMW0YFEFMxQHgd_blVWARY7YdrOw"}}},"counter":0,"transports":null,"user_verified":true,"backup_eligible":false,"backup_state":false,"registration_policy":"required","extensions":{"cred_protect":"Ignored","hmac_create_secret":"NotRequested","appid":"NotRequested","cred_props":"Ignored"},"attestation":{"data":"None","metadata":"None"},"attestation_format":"none"}}', 1795421400000, 1795421400000);
insert into passkey_handles (user_id, handle) values (1, '855e9752-b477-40c4-8bb0-c504cb39b1be');
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (1, '2311', 'Crew', 'crew', 1, 1795420800000, 1795420800000);
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (2, '2311', 'Compilers', 'compilers', 1, 1795421400000, 1795421400000);
insert into roles (account_id, name, created_at, updated_at) values ('2311', 'pilot', 1795420800000, 1795420800000);
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'teams.manage');
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'users.read');
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (1, '2311', 1, 1, NULL, '["admin"]', NULL, 1795420800000, NULL, NULL, NULL, 'ada@example.com', 'ada lovelace', 1, 1795420800000, 1795420800000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (2, '2311', 1, 0, 1, '["member","pilot"]', '["events.create"]', 1795420800000, NULL, NULL, NULL, 'grace@example.com', 'grace brewster hopper', 1, 1795420800000, 1795421400000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (2, '4712', 0, 0, NULL, '["member"]', NULL, 1795421400000, 'grace@example.com', 'eve@example.com', NULL, 'grace@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (3, '2311', 1, 0, 1, '["member"]', NULL, 1795420800000, NULL, NULL, NULL, 'linus@example.com', '', 0, 1795420800000, 1795420800000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (4, '2311', 0, 0, NULL, '["member"]', NULL, 1795420800000, NULL, NULL, 1795420800000, 'margaret@example.com', '', 1, 1795420800000, 1795420800000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (5, '4712', 1, 0, NULL, '["admin"]', NULL, 1795421400000, NULL, NULL, NULL, 'eve@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (6, '4713', 0, 0, NULL, '["admin"]', NULL, 1795421400000, NULL, NULL, 1795421400000, 'mallory@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships_apart (account_id, kind, user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at) values ('2311', 'admin', 1, 'ada@example.com', 'ada lovelace', 1795420800000, 1795420800000, 1, 1, NULL, '["admin"]', NULL, NULL);
insert into memberships_apart (account_id, kind, user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at) values ('2311', 'removed', 4, 'margaret@example.com', '', 1795420800000, 1795420800000, 1, 0, NULL, '["member"]', NULL, 1795420800000);
insert into memberships_apart (account_id, kind, user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at) values ('2311', 'suspended', 3, 'linus@example.com', '', 1795420800000, 1795420800000, 0, 0, 1, '["member"]', NULL, NULL);
insert into memberships_apart (account_id, kind, user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at) values ('4712', 'pending', 2, 'grace@example.com', '', 1795421400000, 1795421400000, 1, 0, NULL, '["member"]', 'grace@example.com', NULL);
insert into memberships_apart (account_id, kind, user_id, email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at) values ('4713', 'removed', 6, 'mallory@example.com', '', 1795421400000, 1795421400000, 1, 0, NULL, '["admin"]', NULL, 1795421400000);
insert into search_apart (account_id, user_id) values ('4712', 2);
insert into role_holders (account_id, role, user_id) values ('2311', 'admin', 1);
insert into role_holders (account_id, role, user_id) values ('2311', 'member', 2);
insert into role_holders (account_id, role, user_id) values ('2311', 'member', 3);
insert into role_holders (account_id, role, user_id) values ('2311', 'member', 4);
insert into role_holders (account_id, role, user_id) values ('2311', 'pilot', 2);
insert into role_holders (account_id, role, user_id) values ('4712', 'admin', 5);
insert into role_holders (account_id, role, user_id) values ('4712', 'member', 2);
insert into role_holders (account_id, role, user_id) values ('4713', 'admin', 6);
insert into notification_preferences (user_id, event, account_id, delivery, position) values (2, 'lead_created', NULL, '["email"]', 0);
insert into notification_preferences (user_id, event, account_id, delivery, position) values (2, 'lead_created', '2311', '["sms"]', 1);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a2076b440022c60d00a602b35f4dfe2c592344b080', 'api_key', 1, 1795420800000, 1795449600000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a2076b44008ed2ba1873a10d2e8536205df038d9bf', 'api_key', 1, 1795420800000, 1822348800000, '2311', 'Import', '["users.read"]', 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc005991f32cf2e50125c39d20d2466f300', 'api_key', 1, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc012ec0b986da2820c1fac24e020cf40cd', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, NULL, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc03046a6f2bae387e771b9aeac90e96cfe', 'session', 1, 1795421400000, 1796026200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc0afa7a22f0d23dfa69f11527a804e4c4c', 'session', 2, 1795421400000, 1795423200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, 1, 'Ticket 4711', '01a207746bc03046a6f2bae387e771b9aeac90e96cfe');
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc0cf63e32ae8b4821e93d4a85cbd43c213', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into idempotency_keys (user_id, account_id, key, fingerprint, answer, created_at) values (1, '2311', 'once', X'EBF4122F1FB348CBD58E85D9CF677E359C8102D1D1A45AA19B56F5F004335386', 'v4.local.3KwufABvM9-pTEvH3INS4jXx-L7VkHoVGr_bQA6A10STXr5Bot-X_-nrI69JghSQP2b7miyOmsFKwy56KgTrzkPg7iMKBP8dHyrVZ3O2Cg-GPTZsZOGt7udyc6j0omcZ_ZKJxNewxM1JFcjljCfdJUQdjg00g_STgP2hKk6Q5lYL6CuY3jBE2vJkyL_FLRc0QZXFpDmyAkKqK65TJdKZ8sfAkLH6EN-ay4OhDeE3jubT0T8C01u0ZPw3fqtx2tFZgglu1UFyIiiUEawk5wPBV7Ao8LY_9xrl1TXHqcQAkGXm9yuT5mUQ1QhJIglK_55bfPGAG_k-9DPgFfT7pYWvQBDJpfF3ogPMMkhgMZ4sh7YNzK32FRzOI3zS4eFFwlZGL1aW8N4gIYvq0lAUJGacmxrdKtveBTU6Z10eOaePnvZbR1BYvgjgB9qYoJbEpEOUhf1bTb5nl_LO22W0jeRIovT4kmsWxxx4jcpNPD7ccsq4cQWbu0_s-uIA-APndt07HT3aEb3vAPgJey53QjWJWdtxIpyqzKtf242tspG6MUnXHZ4DtCwdNLP55j0MwDJugvBE9zpSANWzRy8wlAUlkb2RpiCjD0BtBgLPtm8yrfwYSOZBcydEeuAXXRux-P9ehcVe7pala05MZvnat9Olry5Ow4dU6i1d5cWVz4vz1V3-7RE1hiLwMp_CkHRCEuXBaHEjq5SNm4NhuSUjIuuqJL_skOgwlgO4nXmn32LmnG63A0XnFMlP8ce9Lh_ouhWVHfWrdZ0F0bmK364iXNMBN0itMQZrd3Md6jqog9NVOctgnPoJttXXXH-bL0aePL9AdK2ctWqI8VMoPYpy8eXRBShrUwgdSOq9-pGOFLdYv3hPVtrvZV3aYbd-q3w9OZ7LoPdXd8Q-6ezo17vJIx4JJOSJLhSxJyfkK7uYJXUUIvhBYjNzJ8sG0khcnMhzPsHrNma350QWRE9r98yKsw6gk02iFoCAQ-ez0GHFdF6l1yQDZzlfpGo90uneHmAthKruNoy0zbFoIqA7x_lSoHUeWlb_BXKKjFtIbOHxFC38pzYP2GdZfspd-a8g_-TG0BByn11ra39VNalFm5CCCMi9zCHBB3UJuYB6j4arel9Eg-3NtJFEknK23LZo_rdcoixYfRAcr3VKwhQe3coc4xjt-lL9NyVueysikfxEI0P2NfNLElnYydt3HTnmbX8UpyRSelHfIWQe1Dpi5VcfTqRp9xVFqVs3uxnZR5KMM9bPFVSUkYve6zCSsWEZbdwzbFeYbS1N40ifEVV8_EFKMXHqXOoGY5Ozjgz6VDOVSYCkb_NP9qYSXMnity580iaf6AKKT6k40-ZGRQX3s-O8nVlOhmys22Zxl-ROINxOzq5gkPjRw3fco1XTEWintbF1YZRBE0eASgRQNekhpITx_kvUzIuSU3ngyXDmXEnjuIAC_YJ3eYUuT-CkEYT_w1zwe4ZmAQhJSqBUR_BS6Nmzv8VZmFNEdGyqEOc4-UMjDMtWeHc9E8LENQqFA5oU7lvsgnvpq_RhEt4.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ', 1795420800000);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (1, 'account_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, NULL, 'Acme', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (2, 'user_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', '{"accountAdmin":{"before":false,"after":true},"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (3, 'user_password_changed', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (4, 'team_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Crew', '250562b15c25907a93634cf86a228331', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (5, 'role_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'pilot', '90a8eaa8da825274b532d24aac12078b', '192.0.2.1', '{"permissions":{"before":[],"after":["teams.manage","users.read"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (6, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '1b85ada3b0c781ec7d1b63385e857773', '192.0.2.1', '{"teamId":{"before":null,"after":1},"roles":{"before":[],"after":["member","pilot"]},"permissions":{"before":[],"after":["events.create"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (7, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', 'f00fd01b45c830db3f2097048112822f', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (8, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', 'a352d6131cbd48a4dc975a1b6ff2884d', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (9, 'user_removed_from_account', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '66fc7f2339fb42797d2f4beed1d5a7cd', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (10, 'user_account_settings_updated', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', '83a25f0c9a0eb6777e03a7e02d429b28', '192.0.2.1', '{"teamId":{"before":null,"after":1}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (11, 'user_updated', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', 'd9ea3993429deec7307e95cd5a63a684', '192.0.2.1', '{"active":{"before":true,"after":false}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (12, 'api_key_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Import', '2ed305633a23f7a852b51aa878d70356', '192.0.2.1', '{"permissions":{"before":null,"after":["users.read"]},"expiresAt":{"before":null,"after":"2027-10-01T00:00:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (13, 'account_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, NULL, 'Closed', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (14, 'user_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, 5, 'eve@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (15, 'user_added_to_account', 1795421400000, '4712', 5, 'eve@example.com', NULL, NULL, 2, 'grace@example.com', '00e6798c32201aa209c678caf062d084', '192.0.2.1', '{"roles":{"before":[],"after":["member"]},"pending":{"before":false,"after":true}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (16, 'user_updated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', 'd5512685a713ae4dd7b3e58754c7afce', '192.0.2.1', '{"name":{"before":"Grace Hopper","after":"Grace Brewster Hopper"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (17, 'user_logged_in', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', '442deae121519204486253f00dbeadb5', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (18, 'passkey_registration_options_generated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', 'b57ef8dc5c60fc3a0cd019691a203353', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (19, 'passkey_registered', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', '6aa43f81ca5cb5b5503923dcf3f14be5', '192.0.2.1', '{"passkey":{"before":null,"after":"Laptop"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (20, 'user_impersonated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '11b0ff556901f6e93f54fd57428e4979', '192.0.2.1', '{"reason":{"before":null,"after":"Ticket 4711"},"until":{"before":null,"after":"2026-11-23T08:40:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (21, 'team_created', 1795421400000, '2311', 2, 'grace@example.com', 1, 'ada@example.com', NULL, 'Compilers', '863d3ab040f6d1cd50a67058abf3ad5a', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (22, 'account_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, NULL, 'Gone', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (23, 'user_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, 6, 'mallory@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into latest_events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (24, 'account_deleted', 1795421400000, '4713', 1, 'ada@example.com', 1, 'ada@example.com', 2, 'Gone', 'e11b2df5a62f9db5e9d5945f2748cd38', '192.0.2.1', '{}', 0);
insert into upgrades (schema, from_schema, at, program) values (10, 9, 1795420800000, '0.1.0');
