-- A file of schema 5, as `tests/schemas.rs` had it written. Not to be changed.
-- token: v4.local.JiN5CWcpN_5i9EnfOuXAH7ZYOjkrRXrJh0h-0e-eJvf0hkZUHSeeC4ySNh-Vk5vwW_MY3O3CyB-H05R9lQ0cUxqFsqyUnBBrfclTvL9-9BaAC-fIhjeCpZ-SXwV90GnE365D0EvfjSfHXST8j7J-XJTpA_eOMwQVx3v1piC6A8Zd_YqnjVB1mr3cEtAK4rAnaCNYH1f3OO06tCctB-uLB-6E1l-zw0n4n0ogJooXfVI.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- key: v4.local.wUuurZ5M4jvcCtE5QtMhDyMN4-leSoGTdF5TY4IDvTWdyMcfJNkWHhJQG0J-hRpwyimC7dQyEBPYo--TdQnZ1_VKh2SakiHewSt-v5aqSyi9XGkUjMFH2_gA9Fi-97KZtFYaDXnpXKvD65EV7AF1PncWAQzv_J0Ls6YjU4Uz6uiznsKGRqGrDnmmmTHQ_XQbgAslTv3-S0qPWbZXxiW_FhBYAT3_QBKW3Oq9pTJRhEE.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- passkey: UxBjkQ_p2JA8l3lXOd1kmA zzjnUkET6kDuEv0UA2ilfH-9N0fni2uzSlvX8U3VmxQ vjxiKA5aRNOdXz7uT4VwzQ
pragma foreign_keys = off;
pragma application_id = 1383033964;
pragma user_version = 5;
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
  constraint users_email unique (email_key)
) strict;
CREATE INDEX users_owner on users (active) where owner = 1;
CREATE VIEW searched as
  select id, email_key || '  ' as email_key, name_key || '  ' as name_key from users;
CREATE VIRTUAL TABLE user_search using fts5 (email_key, name_key, content = 'searched', content_rowid = 'id',
                                             tokenize = 'trigram', detail = none);
CREATE VIRTUAL TABLE user_search_terms using fts5vocab (user_search, instance);
CREATE TABLE search_progress (
  id          integer primary key check (id = 1),
  indexed_to  integer not null
) strict;
CREATE TRIGGER users_to_search_update after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key)
   and old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, email_key, name_key)
    values ('delete', old.id, old.email_key || '  ', old.name_key || '  ');
  insert into user_search (rowid, email_key, name_key) select id, email_key, name_key from searched where id = new.id;
end;
CREATE TRIGGER users_to_search_delete after delete on users
  when old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, email_key, name_key)
    values ('delete', old.id, old.email_key || '  ', old.name_key || '  ');
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
  account_id       text not null references accounts on delete cascade,
  user_id          integer not null references users on delete cascade,
  primary_account  integer not null check (primary_account in (0, 1)),
  account_admin    integer not null default 0 check (account_admin in (0, 1)),
  team_id          integer,
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
  primary key (account_id, user_id),
  foreign key (team_id, account_id) references teams (id, account_id),
  check (primary_account = 0 or (invited_email is null and removed_at is null)),
  check ((invited_email is null) = (invited_by is null))
) strict, without rowid;
CREATE UNIQUE INDEX memberships_user on memberships (user_id, iif(primary_account, '', account_id));
CREATE INDEX memberships_team    on memberships (team_id, user_id, removed_at) where team_id is not null;
CREATE INDEX memberships_email   on memberships (account_id, email_key, user_id, name_key, created_at, updated_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_name    on memberships (account_id, name_key, user_id, email_key, created_at, updated_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_created on memberships (account_id, created_at, user_id, email_key, name_key, updated_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_updated on memberships (account_id, updated_at, user_id, email_key, name_key, created_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
CREATE INDEX memberships_inactive_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_inactive_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_inactive_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_inactive_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
CREATE INDEX memberships_admin_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_admin_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_admin_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_admin_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
CREATE INDEX memberships_pending_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_pending_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_pending_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
CREATE INDEX memberships_pending_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, invited_email, removed_at)
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
  foreign key (account_id, user_id) references memberships on delete cascade
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
CREATE TABLE membership_roles (
  account_id  text not null,
  user_id     integer not null,
  role        text not null,
  primary key (account_id, user_id, role),
  foreign key (account_id, user_id) references memberships on delete cascade
) strict, without rowid;
CREATE INDEX membership_roles_role on membership_roles (account_id, role, user_id);
CREATE TABLE membership_permissions (
  account_id  text not null,
  user_id     integer not null,
  permission  text not null,
  primary key (account_id, user_id, permission),
  foreign key (account_id, user_id) references memberships on delete cascade
) strict, without rowid;
CREATE TABLE notification_preferences (
  user_id     integer not null references users on delete cascade,
  event       text not null,
  account_id  text references accounts on delete cascade,
  delivery    text check (json_valid(delivery)),                    -- a JSON array of kinds; null: nothing was said
  position    integer not null                                      -- lists keep the order they were given in
) strict;
CREATE UNIQUE INDEX notification_preferences_one on notification_preferences (user_id, event, ifnull(account_id, ''));
CREATE INDEX notification_preferences_account on notification_preferences (account_id) where account_id is not null;
CREATE TABLE invitations (
  user_id     integer primary key references users on delete cascade,
  token_id    text not null,
  created_at  integer not null,
  expires_at  integer not null
) strict;
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
CREATE TABLE upgrades (
  schema      integer primary key,                                  -- the one it had from then on
  from_schema integer,                                              -- null: it was made with it
  at          integer not null,
  program     text not null                                         -- the version of Rollcall, like 0.1.0
) strict;
insert into accounts (id, name, created_at, updated_at, removed_at) values ('2311', 'Acme', 1795420800000, 1795420800000, NULL);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('4712', 'Closed', 1795421400000, 1795421400000, NULL);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('4713', 'Gone', 1795421400000, 1795421400000, 1795421400000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (1, 'ada@example.com', 'ada@example.com', 'Ada Lovelace', 'ada lovelace', NULL, NULL, 1, 1, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (2, 'grace@example.com', 'grace@example.com', 'Grace Brewster Hopper', 'grace brewster hopper', '+1 (212) 555-0100', 'https://example.com/grace.png', 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795421400000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (3, 'linus@example.com', 'linus@example.com', NULL, '', NULL, NULL, 0, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (4, 'margaret@example.com', 'margaret@example.com', NULL, '', NULL, NULL, 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (5, 'eve@example.com', 'eve@example.com', NULL, '', NULL, NULL, 1, 0, 'eve@example.com', 'eve@example.com', 1795421400000, 1795421400000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (6, 'mallory@example.com', 'mallory@example.com', NULL, '', NULL, NULL, 1, 0, 'mallory@example.com', 'mallory@example.com', 1795421400000, 1795421400000);
insert into search_progress (id, indexed_to) values (1, 0);
insert into passwords (user_id, hash, changed_at, must_change) values (1, '$argon2id$v=19$m=7784,t=5,p=1$KQJNWkfrI7uceVCNtcExLQ$iAhZ/Topn/go8IcY00IMai98kq57z0Ms5Q7Cz8aOrhM', 1795420800000, 0);
insert into passkeys (id, user_id, name, credential, created_at, used_at) values ('UxBjkQ_p2JA8l3lXOd1kmA', 1, 'Laptop', '{"cred":{"cred_id":"UxBjkQ_p2JA8l3lXOd1kmA","cred":{"type_":"ES256","key":{"EC_EC2":{"curve":"SECP256R1","x":"blghe6279n87CSfz9LwAFR_7IcABGmgRBl0zlxoUbSM","y":"RfX2Ijj5Lviu9uIyV2SqlMSqMqGBabcVmKFxSFRjbk4"}}},"counter":0,"transports":null,"user_verified":true,"backup_eligible":false,"backup_state":false,"registration_policy":"required","extensions":{"cred_protect":"Ignored","hmac_create_secret":"NotRequested","appid":"NotRequested","cred_props":"Ignored"},"attestation":{"data":"None","metadata":"None"},"attestation_format":"none"}}', 1795421400000, 1795421400000);
insert into passkey_handles (user_id, handle) values (1, 'be3c6228-0e5a-44d3-9d5f-3eee4f8570cd');
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (1, '2311', 'Crew', 'crew', 1, 1795420800000, 1795420800000);
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (2, '2311', 'Compilers', 'compilers', 1, 1795421400000, 1795421400000);
insert into roles (account_id, name, created_at, updated_at) values ('2311', 'pilot', 1795420800000, 1795420800000);
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'teams.manage');
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'users.read');
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 1, 1, 1, NULL, 1795420800000, NULL, NULL, NULL, 'ada@example.com', 'ada lovelace', 1, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 2, 1, 0, 1, 1795420800000, NULL, NULL, NULL, 'grace@example.com', 'grace brewster hopper', 1, 1795420800000, 1795421400000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 3, 1, 0, NULL, 1795420800000, NULL, NULL, NULL, 'linus@example.com', '', 0, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 4, 0, 0, NULL, 1795420800000, NULL, NULL, 1795420800000, 'margaret@example.com', '', 1, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('4712', 2, 0, 0, NULL, 1795421400000, 'grace@example.com', 'eve@example.com', NULL, 'grace@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('4712', 5, 1, 0, NULL, 1795421400000, NULL, NULL, NULL, 'eve@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('4713', 6, 0, 0, NULL, 1795421400000, NULL, NULL, 1795421400000, 'mallory@example.com', '', 1, 1795421400000, 1795421400000);
insert into search_apart (account_id, user_id) values ('4712', 2);
insert into membership_roles (account_id, user_id, role) values ('2311', 1, 'admin');
insert into membership_roles (account_id, user_id, role) values ('2311', 2, 'member');
insert into membership_roles (account_id, user_id, role) values ('2311', 3, 'member');
insert into membership_roles (account_id, user_id, role) values ('2311', 4, 'member');
insert into membership_roles (account_id, user_id, role) values ('2311', 2, 'pilot');
insert into membership_roles (account_id, user_id, role) values ('4712', 5, 'admin');
insert into membership_roles (account_id, user_id, role) values ('4712', 2, 'member');
insert into membership_roles (account_id, user_id, role) values ('4713', 6, 'admin');
insert into membership_permissions (account_id, user_id, permission) values ('2311', 2, 'events.create');
insert into notification_preferences (user_id, event, account_id, delivery, position) values (2, 'lead_created', NULL, '["email"]', 0);
insert into notification_preferences (user_id, event, account_id, delivery, position) values (2, 'lead_created', '2311', '["sms"]', 1);
insert into invitations (user_id, token_id, created_at, expires_at) values (2, 'cbfa74d079c82ebbe8ae960e4a39b487', 1795420800000, 1795680000000);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a2076b44002550d06e42e8514727a546a634e88e22', 'api_key', 1, 1795420800000, 1795449600000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a2076b4400f65a9517d865fe84005c09173f8a9a92', 'api_key', 1, 1795420800000, 1822348800000, '2311', 'Import', '["users.read"]', 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc00fdf70c82c3c2ba2fcb7d2113dab77db', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, NULL, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc0358bb8def8a99601613a8bb236047177', 'session', 2, 1795421400000, 1795423200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, 1, 'Ticket 4711', '01a207746bc0b87ea6aee8ef357a4d75526e51dd70ae');
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc04718cec612beac3742407b91021b45c8', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc0b87ea6aee8ef357a4d75526e51dd70ae', 'session', 1, 1795421400000, 1796026200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('01a207746bc0ff693e0aaa5927c1f49db640ddcdcc5d', 'api_key', 1, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into idempotency_keys (user_id, account_id, key, fingerprint, answer, created_at) values (1, '2311', 'once', X'EBF4122F1FB348CBD58E85D9CF677E359C8102D1D1A45AA19B56F5F004335386', 'v4.local.YKAtZXV5Vb8GJYfwCsvTQrqzqjY8Zw-tj6yJo8aNisVEfjlyySXLWVu_O6X7LjIDuN-Kw49IhFJAizY-HOOnmxTHoP0ydcL_ZCIMFA30jgqNs1P0X3xVKrKx16w8z91Ts5wEVWeDcLS8hYpsl7fQkAInpHsnaIaPy5qaNlyKIc-1FQmrG2VCOuD8nkfYIqkUwJVcZnuoWJTsnfD0hy4RVoFlVhU1Fx1HYjUNFVfResxPZae-9QtvOYnzfutHCGAhSdCxQ4bU5UO2gcRHmADZupCR3Yc8yRRr8wyZAFqgqB19ZDi7NJupSaWQWoVh__XdJjGHk_M718LCn2V6zj7OVasPoEWC4W3JEe_Tri47vO0uHM9xqkPLY_a2XQiwcg53AGG4ubn_NOwtVbK82J-y_1UNgVfrSIZ6j_qrWN7LPCYzGAOESI_fC3GqcL7uhZl64TolKKbmytWinupbFNGqQ_kHTXhMtckELVkxitQksT_tOHS9QU9-HZqcJa5OmczLjYVPGnz28WYmm2RfOn4UfczR74nZfmZvR6f-gMJ3bNyqoX6GLWqg9udt7FyYI-8PDfJp_VDWKau2Z1kZPtcin2qAn07mxV4tiBKdqxu6c3T1egVuC0WlvjZjbZncYih0Gi7zDAQUrEtA4DYwskf25Y4kHUkHTsa8VTUZuPx6Mx7vO1Fmot1nHvAPtgW4dF-HPs8EuxHRkf4hRkhhry-jXZlb21N318CiCu7xPhqxiqikuAj8hmmh3VY0iYbLo_MCOFxh3ycpOqhEs2gTyRK8UEQBbhPTSmBnas83NVis506oN8wsKdmxCsq3PTUdpGnFyk_LSaoO1Ssfndoa57EM_gzQ7BVmBoRD4sD4zVKoOHpcOqxeBPuw0nB7oJ84WPH3JZ1IQXJifqzoahXtUnFSQsvrn_IdGdYLtSq-6XHfW-6Sltw4UgAGKOVJw5g7FdIiNe7kU0fgMp1GRuG3IXkonmU7yZXxGPkH-tWkNpX1Faarcz9YN2QtZmjvPK7B8YaqwCjKEpLWoqp_VNA8kK9UW6uwJWb9Lq_67aJNECFYW5AE0ySyMhk9KY3-B4ppIHCN9I5h7kVyX4b05ht73Hvkx6MFiTilmve1KimIg2y-1X7hafBvuHFGC3tpU747lHPyKqp6my4eVEJo6EZporSgAh2wiVG5k3FprPlv4ioxcyzOETYhbgrkbe7BLivERcxz_FhUlf9BmNH8QfVOajvEV-7b1Wfm5Awe8e7G8Z0F9G2JmbfdGZjqNnBz9w7Lb6lOOSHNpD48otjQ989KQMWvnSoVaMzPs3Vxnkikr1OZ0E3ovXCzG9XhM6wWHkXCB2OjkMlBCxiRZiETCTKCus9__lLE-5SlSYutN4WMKeZDdP0rHKxr2qyJrkNZcDNsEp1a0Wj8VDcK-fZJVFaHtl2cyF6C5KeG-oLLn6wpqrCmot4XNmyZw05iYXkEclrCpWqIPOxp697Y0GedAna-gEM4Afwk3xyL0WocUDML0troXMTTHUw-LsfnCu3A8igm7_arqACkAWs.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ', 1795420800000);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (1, 'account_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, NULL, 'Acme', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (2, 'user_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', '{"accountAdmin":{"before":false,"after":true},"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (3, 'user_password_changed', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (4, 'team_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Crew', 'b861b1cad6d64946189f00196d724960', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (5, 'role_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'pilot', '44c50476b212dd6a8fd5712ce1df65c7', '192.0.2.1', '{"permissions":{"before":[],"after":["teams.manage","users.read"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (6, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', 'a6dd239ae6c9c94256d781dbbaf16804', '192.0.2.1', '{"teamId":{"before":null,"after":1},"roles":{"before":[],"after":["member","pilot"]},"permissions":{"before":[],"after":["events.create"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (7, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', '48b81ae6d9d9105496c2e88e76bb4226', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (8, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '1aec457ac6d22f35f1cd77ed066756c0', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (9, 'user_removed_from_account', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '7a88d540e14b0e22e039dcc91d7e16b6', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (10, 'user_updated', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', '4b3d031ad225d3c9b8d7046d8336e924', '192.0.2.1', '{"active":{"before":true,"after":false}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (11, 'api_key_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Import', 'cb1621310ace1c0faf7a01ff546b38d3', '192.0.2.1', '{"permissions":{"before":null,"after":["users.read"]},"expiresAt":{"before":null,"after":"2027-10-01T00:00:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (12, 'account_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, NULL, 'Closed', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (13, 'user_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, 5, 'eve@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (14, 'user_added_to_account', 1795421400000, '4712', 5, 'eve@example.com', NULL, NULL, 2, 'grace@example.com', 'da90297a0c6b5f7ea3497d2d1f479842', '192.0.2.1', '{"roles":{"before":[],"after":["member"]},"pending":{"before":false,"after":true}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (15, 'user_updated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '9d6ba98beab2a5b48acaf739a2cc9722', '192.0.2.1', '{"name":{"before":"Grace Hopper","after":"Grace Brewster Hopper"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (16, 'user_logged_in', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', 'f7d97c222d14576350d14189a84d3a06', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (17, 'passkey_registration_options_generated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', 'ae535e844eeac5d4f9e942408f424704', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (18, 'passkey_registered', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', 'e9e8f12a6e228c6141db155ffdc2654a', '192.0.2.1', '{"passkey":{"before":null,"after":"Laptop"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (19, 'user_impersonated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '8d8c5b1100114f025923e9340899a117', '192.0.2.1', '{"reason":{"before":null,"after":"Ticket 4711"},"until":{"before":null,"after":"2026-11-23T08:40:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (20, 'team_created', 1795421400000, '2311', 2, 'grace@example.com', 1, 'ada@example.com', NULL, 'Compilers', 'b3a6ae7901fcfc54be349fc82237450e', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (21, 'account_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, NULL, 'Gone', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (22, 'user_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, 6, 'mallory@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (23, 'account_deleted', 1795421400000, '4713', 1, 'ada@example.com', NULL, NULL, NULL, 'Gone', '27699b234fd42735c1178488d24b8b82', '192.0.2.1', '{"members":{"before":1,"after":0}}', 0);
insert into upgrades (schema, from_schema, at, program) values (5, 4, 1795420800000, '0.1.0');
