-- A file of schema 9, as `tests/schemas.rs` had it written. Not to be changed.
-- token: v4.local.hxzfUaldDM4HEUQc-Dj-CmlPlxAlhcTAQV-VB1A9qbMKddB3WFQk-A-nbYQx-iOltvxFZCCRH_UcCzfjPDDLWlGxBJ8A7_NC5cUt0VpfjqYRXbdy_MrbOzDyGzDXJ4yAgyUQoxQrq6MQKzr1-wLskO8fb0TohldKFlLbbJBQA9Jf3GKwei7DQl2elc1AsnB6rNI6MH7CovSTN8lsea_cKVzAPbxMFdZHTcMle2euHh0.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- key: v4.local.jB61ltNHkofQ9AQ5_B9HrdocIqOv0Vv_eEeEgQyZdMaMwQzLFVxAcfKgnl6Kuld8CnQbMUWG2AQjZM9RtNQN2IimCRZvbL04SVH1l2fN5LdMOnISym-nava04fRcOgUsZO2yUbn2Shp7VC3zics95v6TfHvdXDtVcNWF-meuLl99ytAF2y9v4soLEkXmp_nPWXVB-uo6JrdRUbAICli3KJhPFzisaoo6W3z6hXZnCiw.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- passkey: sDo5GzMnLF8bHDv02uYqEQ s-9851SF4i_1iW614JKZHf8S2lbR12yBX2y3JAKTQbg YjNsz9HlQdOnlf8ooYCaow
pragma foreign_keys = off;
pragma application_id = 1383033964;
pragma user_version = 9;
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
CREATE INDEX memberships_inactive_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_inactive_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_inactive_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_inactive_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_admin_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_admin_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_admin_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_admin_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_pending_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_pending_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_pending_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_pending_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_admin    on memberships (account_id, user_id) where account_admin = 1;
CREATE INDEX memberships_pending  on memberships (account_id, user_id, invited_email) where invited_email is not null;
CREATE INDEX memberships_inactive on memberships (account_id, user_id) where active = 0;
CREATE INDEX memberships_invited  on memberships (joined_at) where invited_email is not null;
CREATE INDEX memberships_purge    on memberships (removed_at) where removed_at is not null;
CREATE INDEX memberships_removed         on memberships (account_id, email_key, user_id, removed_at)  where removed_at is not null;
CREATE INDEX memberships_removed_name    on memberships (account_id, name_key, user_id, removed_at)   where removed_at is not null;
CREATE INDEX memberships_removed_created on memberships (account_id, created_at, user_id, removed_at) where removed_at is not null;
CREATE INDEX memberships_removed_updated on memberships (account_id, updated_at, user_id, removed_at) where removed_at is not null;
CREATE TRIGGER users_to_memberships after update of email_key, name_key, active, updated_at on users begin
  update memberships
     set email_key = new.email_key, name_key = new.name_key, active = new.active, updated_at = new.updated_at
   where user_id = new.id and invited_email is null and removed_at is null;
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
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (2, 'grace@example.com', 'grace@example.com', 'Grace Brewster Hopper', 'grace brewster hopper', '+1 (212) 555-0100', 'https://example.com/grace.png', 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795421400000, '27636a625666fe818a41e5880d47add9', 1795420800000, 1795680000000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (3, 'linus@example.com', 'linus@example.com', NULL, '', NULL, NULL, 0, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (4, 'margaret@example.com', 'margaret@example.com', NULL, '', NULL, NULL, 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (5, 'eve@example.com', 'eve@example.com', NULL, '', NULL, NULL, 1, 0, 'eve@example.com', 'eve@example.com', 1795421400000, 1795421400000, NULL, NULL, NULL);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at, invitation_id, invitation_created_at, invitation_expires_at) values (6, 'mallory@example.com', 'mallory@example.com', NULL, '', NULL, NULL, 1, 0, 'mallory@example.com', 'mallory@example.com', 1795421400000, 1795421400000, NULL, NULL, NULL);
insert into search_progress (id, indexed_to) values (1, 0);
insert into passwords (user_id, hash, changed_at, must_change) values (1, '$argon2id$v=19$m=7784,t=5,p=1$pi/7VRYS4oq/VehmbMjwwA$5HNB16zNMh3ZZFgcN8FuQYQVTf7JEtqFTzoRdNFvnX0', 1795420800000, 0);
insert into passkeys (id, user_id, name, credential, created_at, used_at) values ('sDo5GzMnLF8bHDv02uYqEQ', 1, 'Laptop', '{"cred":{"cred_id":"sDo5GzMnLF8bHDv02uYqEQ","cred":{"type_":"ES256","key":{"EC_EC2":{"curve":"SECP256R1","x":"iWJmgvi3Bise42E9Mf8aCR1unxFETCoghtU7sUKVt8Q","y":"zcSP1vGs8FISHrd8a8zgq5eTbSCtLDLUwyzT404bcaU"}}},"counter":0,"transports":null,"user_verified":true,"backup_eligible":false,"backup_state":false,"registration_policy":"required","extensions":{"cred_protect":"Ignored","hmac_create_secret":"NotRequested","appid":"NotRequested","cred_props":"Ignored"},"attestation":{"data":"None","metadata":"None"},"attestation_format":"none"}}', 1795421400000, 1795421400000);
insert into passkey_handles (user_id, handle) values (1, '62336ccf-d1e5-41d3-a795-ff28a1809aa3');
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (1, '2311', 'Crew', 'crew', 1, 1795420800000, 1795420800000);
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (2, '2311', 'Compilers', 'compilers', 1, 1795421400000, 1795421400000);
insert into roles (account_id, name, created_at, updated_at) values ('2311', 'pilot', 1795420800000, 1795420800000);
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'teams.manage');
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'users.read');
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (1, '2311', 1, 1, NULL, '["admin"]', NULL, 1795420800000, NULL, NULL, NULL, 'ada@example.com', 'ada lovelace', 1, 1795420800000, 1795420800000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (2, '2311', 1, 0, 1, '["member","pilot"]', '["events.create"]', 1795420800000, NULL, NULL, NULL, 'grace@example.com', 'grace brewster hopper', 1, 1795420800000, 1795421400000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (2, '4712', 0, 0, NULL, '["member"]', NULL, 1795421400000, 'grace@example.com', 'eve@example.com', NULL, 'grace@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (3, '2311', 1, 0, NULL, '["member"]', NULL, 1795420800000, NULL, NULL, NULL, 'linus@example.com', '', 0, 1795420800000, 1795420800000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (4, '2311', 0, 0, NULL, '["member"]', NULL, 1795420800000, NULL, NULL, 1795420800000, 'margaret@example.com', '', 1, 1795420800000, 1795420800000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (5, '4712', 1, 0, NULL, '["admin"]', NULL, 1795421400000, NULL, NULL, NULL, 'eve@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values (6, '4713', 0, 0, NULL, '["admin"]', NULL, 1795421400000, NULL, NULL, 1795421400000, 'mallory@example.com', '', 1, 1795421400000, 1795421400000);
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
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a2076b4400d4c1da715a71820e658d67697ad636e9', 'api_key', 1, 1795420800000, 1822348800000, '2311', 'Import', '["users.read"]', 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a2076b4400e20973efc921f4f2e55483294f7bbade', 'api_key', 1, 1795420800000, 1795449600000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc06e56d7f6c0b1c7ab0286a97bae638d5e', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, NULL, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc07f48d942b4c4ba9d0da7ac1cbb2b00cf', 'session', 2, 1795421400000, 1795423200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, 1, 'Ticket 4711', '01a207746bc0ec4f3eeee4e7c38708643f19ebca959b');
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc084a170a5a6a6692a28838b9bdfc3634d', 'api_key', 1, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc089c5b7c298edd6965330b71b8efb644a', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc0ec4f3eeee4e7c38708643f19ebca959b', 'session', 1, 1795421400000, 1796026200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, NULL, NULL, NULL);
insert into idempotency_keys (user_id, account_id, key, fingerprint, answer, created_at) values (1, '2311', 'once', X'EBF4122F1FB348CBD58E85D9CF677E359C8102D1D1A45AA19B56F5F004335386', 'v4.local.VxLUAe8NbSFXzkhgnX7IUa-kDfij4B4J-8PSjhWTHUa0Bm5XSTb09SQOQvqWC84MOKsI6a_Y4wRls-qzVk0khhkbA4945MLghxD1yx-tmBTtabwvKmBEGwNkVb_XgjoVFEDEBR9nIobJoL123Bs1ql_2-uRdgPragYMGFGh9tcscbqmmAqcZz1VyB5OtVnLzIpq3PsC8oiaPhdVxGKhTW-MUhsEZXIA_djL_oefHlhGc_v_-wxir63k-WZUg9VT4XtcxfUsyGuOI1cpuFsy00DH48paccNGjNNeQQc22_vqa4Q2_BVaCwqBeV11ySAtUwbegEkN4hvixFsPgx4YiIWiF6HdpJQGAXR_wfxDyEdO2zW_M3jtEmbbokP3ygrvub4KdMHA-ClxZR1L1Zowswz_XXlbOHHsmrYOQDOkqKF3-UWz38Io6J-z93Tb8Ox8PiiyVJrecMHUDKPjt3E7siU5ULW84tZM4YTkeTvLvbhCAXdybTNsWwyCWVymURRHnQOhehkwh0Q9CQCyubDrI6xcUTqSTg-q8cWxuNfXcL9mfymfclW1DlXq-a3deI95Gv-YdKD61e1IM3kj8-CqD297BodRvqb-dnNRggEbhB3SRh6jBDRysNw8QXlKji_SMzy1Pd_0-svBp3Jz4YJv9ekoE2-vqsAlrqVZAu9mLcauY1y8Xvrjd-UnyFnK_29IJYT5jpbRjybhTVRj7otjh29Wy049tmAHrluW5xq93Ce3ZbK2bk_etO5NPF1Se0GACnIp_2mw0_FnyZRJeouv_5WIkmQHRRos-ddiQm5EDtqJYSL-jXy4cN0hf9kEeihiVNkF0H1egRYtoBu34NywZBaH2UqUqIuaSDf2OCag7aXrFNk3nkNyA-aGnhszVFPQQGNhJ25Pc9JzFKBGxKYeTNIKp1vg6llaWOwENSGDNsLvCatIaFbvxz7qlyJd8dwEu5G4cE5f-pJhWzRXSdFLJC335dP8csDENomBMb-PooKi1p11cP8YsHEY99jZlttuloj4ibYKKNsj9IXAwvRLDiCIXJdnDdJQciip3hvNIqLZDKwAb8a3qFfAV3blE1g97rOxSDoFyo5rLyOGqRvZV35g3xbI2H4q6WouZ7_EZh8xSWkzRVdCrpUaevchohpjwHLcGRObU9KL4dL0mRBQA_0H0IjXjEJ-OT3aoe95xQCDyi-IHQ4Ysi_dMYs_l-BZZ3XhgkNIODj8md4w5s9RDFa7V5XFupN36C-JnBphQkCp7spATBid52JKPm2WjXBWVla39DHTSRwV-glXNrFokEfmcbaAZEYXnrB3jzgXvs0R7TOOqUv5VL4kCGxCpK4jn0ZY37Yb_51d9HyfIcARoWguQJoFzRWJKU8Nv7fKXEeOVn_JT6568JgWm0Hztd1qy25L5F_SziDK0bkh5K8mCkxnNMGdsQ7_8ik2sn2dyMadnxCBtoNDVGni2oalk9lEpbRFsx68bw8lbF6qwohvm-9UKvtg6ka_Jn9lsWegRT6Qv9IJ_z4QdHAMW5T9H-xBpYZsPXjg.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ', 1795420800000);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (1, 'account_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, NULL, 'Acme', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (2, 'user_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', '{"accountAdmin":{"before":false,"after":true},"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (3, 'user_password_changed', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (4, 'team_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Crew', '5b41c5e273ef62c377c8c29df5a1330a', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (5, 'role_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'pilot', 'f7cde66a63affb2f55943b4d3d15137d', '192.0.2.1', '{"permissions":{"before":[],"after":["teams.manage","users.read"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (6, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', 'a73bc5abbbc82b7f247aa8ab8cd43d02', '192.0.2.1', '{"teamId":{"before":null,"after":1},"roles":{"before":[],"after":["member","pilot"]},"permissions":{"before":[],"after":["events.create"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (7, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', '21b666d67088304ff12caee5a96160fb', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (8, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '2f2655c25ffca3b4a67951500fb8bf74', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (9, 'user_removed_from_account', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '754332c1723a0ca022ed467e16b0100e', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (10, 'user_updated', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', 'a6bf30deaba5696461b78ce67db68381', '192.0.2.1', '{"active":{"before":true,"after":false}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (11, 'api_key_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Import', 'd4ff2dcca9918540ff66409187ac4df9', '192.0.2.1', '{"permissions":{"before":null,"after":["users.read"]},"expiresAt":{"before":null,"after":"2027-10-01T00:00:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (12, 'account_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, NULL, 'Closed', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (13, 'user_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, 5, 'eve@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (14, 'user_added_to_account', 1795421400000, '4712', 5, 'eve@example.com', NULL, NULL, 2, 'grace@example.com', 'f67827288b82b1c3006bbbeaa67b9263', '192.0.2.1', '{"roles":{"before":[],"after":["member"]},"pending":{"before":false,"after":true}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (15, 'user_updated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '0612e6eaafd586730817019e3c4bef9a', '192.0.2.1', '{"name":{"before":"Grace Hopper","after":"Grace Brewster Hopper"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (16, 'user_logged_in', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', '35f469a5ea9edcb72a8cf945b00728f7', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (17, 'passkey_registration_options_generated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', '7a4add69901c80ed30816d62a6149cc8', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (18, 'passkey_registered', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', '51b91c3bfdb9eb71ec2665dcb91d2c02', '192.0.2.1', '{"passkey":{"before":null,"after":"Laptop"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (19, 'user_impersonated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', 'ad94850dcee8130209591610482bc9aa', '192.0.2.1', '{"reason":{"before":null,"after":"Ticket 4711"},"until":{"before":null,"after":"2026-11-23T08:40:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (20, 'team_created', 1795421400000, '2311', 2, 'grace@example.com', 1, 'ada@example.com', NULL, 'Compilers', '0131c6aecb71b1fad796f1b27307929a', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (21, 'account_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, NULL, 'Gone', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (22, 'user_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, 6, 'mallory@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into latest_events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (23, 'account_deleted', 1795421400000, '4713', 1, 'ada@example.com', 1, 'ada@example.com', 2, 'Gone', '870353a5c36512c9f78ef93761f9f910', '192.0.2.1', '{}', 0);
insert into upgrades (schema, from_schema, at, program) values (9, 8, 1795420800000, '0.1.0');
