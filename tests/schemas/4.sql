-- A file of schema 4, as `tests/schemas.rs` had it written. Not to be changed.
-- token: v4.local.cyc8Qs_R0hVR3ea8RNIOPbcf37W04i77nZ3Gr8coOdDXW4sXzqOgxU7yOwuxueSHGo9usQHDE70JIabb2fwCcybZq92admvGmj2A8ikXbcbCILa2-LqeXEE6hzi3TIuEbcMnyAVfGdY-gQ2rjt9Z1tBeQGeNTDxCIiF30dK0Kg5swBsraO35phdvNci2i3dikx-MhgPT9b7-HjdV5-fLhIgFncQ.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- key: v4.local.SZmnLcPCBN_COjey0OHfX0I5-sIOZvXZTvDqK8vExK4KwC1u9gwgsqk-k3IBFjMYbGe4KM1yQEtj7NVenP_wNzZG2kqj32Fb5RPI2AxQXwvItmUTrG-49vAppm7tcxTGXCdSehdu8AvB_zMUFvoCT3m9nAFRQEEG8tP6krncS1A6gF6aBfmppxHsYLceLhjPaUxu0B-klhWSOlVF-sinHRbAikQ.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ
-- passkey: bz0LLxS1hVxK2Lxf2tEFXg _o2aqwEnQiDccwCj6hIpKboh4bfjA2VCBFoZJemSIMw vdhudRs5Td-k3Ra9pTWGWA
pragma application_id = 1383033964;
pragma user_version = 4;
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
CREATE VIRTUAL TABLE user_search using fts5 (email_key, name_key, content = 'users', content_rowid = 'id', tokenize = 'trigram');
CREATE TRIGGER users_to_search_insert after insert on users begin
  insert into user_search (rowid, email_key, name_key) values (new.id, new.email_key, new.name_key);
end;
CREATE TRIGGER users_to_search_update after update of email_key, name_key on users begin
  insert into user_search (user_search, rowid, email_key, name_key) values ('delete', old.id, old.email_key, old.name_key);
  insert into user_search (rowid, email_key, name_key) values (new.id, new.email_key, new.name_key);
end;
CREATE TRIGGER users_to_search_delete after delete on users begin
  insert into user_search (user_search, rowid, email_key, name_key) values ('delete', old.id, old.email_key, old.name_key);
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
CREATE UNIQUE INDEX memberships_primary on memberships (user_id) where primary_account = 1;
CREATE INDEX memberships_user    on memberships (user_id);
CREATE INDEX memberships_team    on memberships (team_id, user_id) where team_id is not null;
CREATE INDEX memberships_email   on memberships (account_id, email_key, user_id)  where removed_at is null;
CREATE INDEX memberships_name    on memberships (account_id, name_key, user_id)   where removed_at is null;
CREATE INDEX memberships_created on memberships (account_id, created_at, user_id) where removed_at is null;
CREATE INDEX memberships_updated on memberships (account_id, updated_at, user_id) where removed_at is null;
CREATE INDEX memberships_admin    on memberships (account_id, user_id) where account_admin = 1;
CREATE INDEX memberships_pending  on memberships (account_id, user_id, invited_email, email_key) where invited_email is not null;
CREATE INDEX memberships_inactive on memberships (account_id, user_id) where active = 0;
CREATE INDEX memberships_invited on memberships (joined_at) where invited_email is not null;
CREATE INDEX memberships_purge    on memberships (removed_at) where removed_at is not null;
CREATE INDEX memberships_removed         on memberships (account_id, email_key, user_id)  where removed_at is not null;
CREATE INDEX memberships_removed_name    on memberships (account_id, name_key, user_id)   where removed_at is not null;
CREATE INDEX memberships_removed_created on memberships (account_id, created_at, user_id) where removed_at is not null;
CREATE INDEX memberships_removed_updated on memberships (account_id, updated_at, user_id) where removed_at is not null;
CREATE TRIGGER users_to_memberships after update of email_key, name_key, active, updated_at on users begin
  update memberships
     set email_key = new.email_key, name_key = new.name_key, active = new.active, updated_at = new.updated_at
   where user_id = new.id and invited_email is null and removed_at is null;
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
CREATE TABLE tokens (
  id           text primary key,
  kind         text not null check (kind in ('session', 'api_key', 'invitation', 'sign_in_link', 'set_up_link',
                                               'password_reset', 'passkey_link')),
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
  proved_at    integer,                                             -- when a session's user last proved who they are
  impersonator_id integer references users on delete cascade,       -- an owner who acts as the user in this session
  reason       text,                                                -- why they do
  parent_id    text references tokens on delete cascade on update cascade, -- the owner's own session, which it ends with
  check ((impersonator_id is null) = (reason is null) and (impersonator_id is null) = (parent_id is null)),
  check (kind = 'session' or (proved_at is null and impersonator_id is null and by_password = 0)),
  check ((user_id is null) = (kind = 'set_up_link'))
) strict;
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
CREATE INDEX events_at      on events (at);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('2311', 'Acme', 1795420800000, 1795420800000, NULL);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('4712', 'Closed', 1795421400000, 1795421400000, NULL);
insert into accounts (id, name, created_at, updated_at, removed_at) values ('4713', 'Gone', 1795421400000, 1795421400000, 1795421400000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (1, 'ada@example.com', 'ada@example.com', 'Ada Lovelace', 'ada lovelace', NULL, NULL, 1, 1, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (2, 'grace@example.com', 'grace@example.com', 'Grace Hopper', 'grace hopper', '+1 (212) 555-0100', 'https://example.com/grace.png', 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (3, 'linus@example.com', 'linus@example.com', NULL, '', NULL, NULL, 0, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (4, 'margaret@example.com', 'margaret@example.com', NULL, '', NULL, NULL, 1, 0, 'ada@example.com', 'ada@example.com', 1795420800000, 1795420800000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (5, 'eve@example.com', 'eve@example.com', NULL, '', NULL, NULL, 1, 0, 'eve@example.com', 'eve@example.com', 1795421400000, 1795421400000);
insert into users (id, email, email_key, name, name_key, phone, img_src, active, owner, created_by, updated_by, created_at, updated_at) values (6, 'mallory@example.com', 'mallory@example.com', NULL, '', NULL, NULL, 1, 0, 'mallory@example.com', 'mallory@example.com', 1795421400000, 1795421400000);
insert into passwords (user_id, hash, changed_at, must_change) values (1, '$argon2id$v=19$m=19456,t=2,p=1$1Xj9itiOPV7vu0+Vh5l0oA$TJUpswQKk2u+HfLaCG430xM1YtSKLAOfq+7FTb5TirE', 1795420800000, 0);
insert into passkeys (id, user_id, name, credential, created_at, used_at) values ('bz0LLxS1hVxK2Lxf2tEFXg', 1, 'Laptop', '{"cred":{"cred_id":"bz0LLxS1hVxK2Lxf2tEFXg","cred":{"type_":"ES256","key":{"EC_EC2":{"curve":"SECP256R1","x":"yljcvWxCeONP-TGCAwuWvYmr8BVsenfJmRwSloDg66M","y":"5WiOdKfM7yMCKID_mQk8W2ogy384c5sCWTYvFDBXG8c"}}},"counter":0,"transports":null,"user_verified":true,"backup_eligible":false,"backup_state":false,"registration_policy":"required","extensions":{"cred_protect":"Ignored","hmac_create_secret":"NotRequested","appid":"NotRequested","cred_props":"Ignored"},"attestation":{"data":"None","metadata":"None"},"attestation_format":"none"}}', 1795421400000, 1795421400000);
insert into passkey_handles (user_id, handle) values (1, 'bdd86e75-1b39-4ddf-a4dd-16bda5358658');
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (1, '2311', 'Crew', 'crew', 1, 1795420800000, 1795420800000);
insert into teams (id, account_id, name, name_key, active, created_at, updated_at) values (2, '2311', 'Compilers', 'compilers', 1, 1795421400000, 1795421400000);
insert into roles (account_id, name, created_at, updated_at) values ('2311', 'pilot', 1795420800000, 1795420800000);
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'teams.manage');
insert into role_permissions (account_id, role, permission) values ('2311', 'pilot', 'users.read');
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 1, 1, 1, NULL, 1795420800000, NULL, NULL, NULL, 'ada@example.com', 'ada lovelace', 1, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 2, 1, 0, 1, 1795420800000, NULL, NULL, NULL, 'grace@example.com', 'grace hopper', 1, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 3, 1, 0, NULL, 1795420800000, NULL, NULL, NULL, 'linus@example.com', '', 0, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('2311', 4, 0, 0, NULL, 1795420800000, NULL, NULL, 1795420800000, 'margaret@example.com', '', 1, 1795420800000, 1795420800000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('4712', 2, 0, 0, NULL, 1795421400000, 'grace@example.com', 'eve@example.com', NULL, 'grace@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('4712', 5, 1, 0, NULL, 1795421400000, NULL, NULL, NULL, 'eve@example.com', '', 1, 1795421400000, 1795421400000);
insert into memberships (account_id, user_id, primary_account, account_admin, team_id, joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at) values ('4713', 6, 0, 0, NULL, 1795421400000, NULL, NULL, 1795421400000, 'mallory@example.com', '', 1, 1795421400000, 1795421400000);
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
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('c5683a31e3742b925a49b29d498c99c3', 'api_key', 1, 1795420800000, 1795449600000, NULL, NULL, NULL, 1795420800000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('6f84a87bbb08b6d4797e8117aaffda33', 'invitation', 2, 1795420800000, 1795680000000, NULL, NULL, NULL, NULL, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('5d60bafd4d888513e39cf4edb160bfda', 'api_key', 1, 1795420800000, 1822348800000, '2311', 'Import', '["users.read"]', 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('79b169e1d744d3a9c5d496e7d6437bb3', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, NULL, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('3ad66e5a98c6bd5ba822d0754cd9719a', 'api_key', 5, 1795421400000, 1795450200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('462e8d8a44fd163707d37b8e4e4de4ce', 'session', 1, 1795421400000, 1796026200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, 1795421400000, NULL, NULL, NULL);
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('ee5de0f95522996d58866abf4d4c4f58', 'session', 2, 1795421400000, 1795423200000, NULL, NULL, NULL, 1795421400000, '192.0.2.1', 'Firefox on Linux', 0, NULL, 1, 'Ticket 4711', '462e8d8a44fd163707d37b8e4e4de4ce');
insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device, by_password, proved_at, impersonator_id, reason, parent_id) values ('425fa007d70c52390690ea336ba2cd71', 'api_key', 6, 1795421400000, 1795450200000, NULL, NULL, NULL, NULL, '192.0.2.1', NULL, 0, NULL, NULL, NULL, NULL);
insert into idempotency_keys (user_id, account_id, key, fingerprint, answer, created_at) values (1, '2311', 'once', X'EBF4122F1FB348CBD58E85D9CF677E359C8102D1D1A45AA19B56F5F004335386', 'v4.local.mQIhgu7varxdlx1zm3I5Y8OCO75Q6gC5i6okPNLtR8KUQtWg2P8UhtcxolOpoXhU_NdtMqkA0DlEpMoDENXaCBWLFNn1F4aJyAL5CBU9i1j6HoJ1jl9wRolS1BdBMYqwwEG9imZJtqTmIL0HH-1jbyN13AdhAduXZG16VX4MAt10_MOwkbuDnBd9mxF74x2RU5GnJ3gCAEUv_bbLRGvuHspam_Iv5UJO03WpxLIUSGNdZXXqOFi7Cvs0EDYaKxwlAwtmaoEiZmVYjkymc21CptCbdtL7pAgZhCmiiYF4Xdcd2XS6SpKs9MuEKAkWTXmD_aSUfiOpfx0IilEaGXJXJ68KN0lur8qoxjUMSxPlCnora0kY0VilVe2qy91rWeet76IY7PPruIV5CxpogL47jUoIdxyRDmQ6EvUJTmeGBacYavq7XJHM5zOoTaxfHzlwI_B27adrvu7GyYjf6nS5DuFSW9bwnKZlQiyZEen4XDDBTLRYjY0oSsMGVc00AAlcjoW0L9LUP1hkTgREKrxqMV6EBaKi4o31_ADBa3N2isJy2Or4ooiNld6iE-u9hHj6lJqza_SAW5RuS5_y3_YZSKpzmEKkRgZXdeV5Ok1oNnIrRl_VzeTJjdr5B05YXMvapoktUMBnWJHzAtwr_eFiKhrzcWIQlrIRLhKloc-DYwvj9NZtfMTyEZ8_aXBGqCAG3ojUKohq8CNxEgnmoCrj_SzEC5maT-Bc7iffCH5ki9xqqRrTfQwwjAmhWO8iVz7VusYqcJor2YqmUCpc1wDcYIUPhSpUkSMoaOIdWKb2qZLkxEWbmRfVmqFRkt8b55o1Jpt6uW0XgMemcIypT1BaUVB-k3xJzzVArya0kNSCVY-8w6x50B_nckwY80z2eTJbDC3QdSahY8IUxTpW24_YgAKqNquZI-SablnvZIA_iKbqV4SSKDPcbphQOLl6hQ_G2Xg5BI22OmH-sBCrzgLWiqQ4qFe9mu-x-fC569UBrugWRiF_5Hueug9eEPKDiWj9zamwpjppgDnrMi_i04pu7Kxm390jvIHBNMukLRlqvjhnECCN2XboT_Ypq6eb1_U6lmIK3zq-uHlLjbWm0pnl8RLzmjKZW7tbSz4R5XzQYIY-0f89v4h7l11zP6cap7aiWghjhO3291mCv5a57q-czGyFLtgPe4zfSZupMAXGY0OIiqvmIA6DVrIYfweR4Wz-LiVtoGULjxw-NbGcANTUL_aMs0WlKVpc3Pukahjjj_bz1KQQ4qItkvJH-vPzCc8zkSDJjLYshIpWWOaeiqEftUpSL7h88rLDLPlY3iuKvG1TKGzXXoMKhu_aLgMzVvBVAcKkiybmMIguULYlBNdZ4KstwBuPZrMKInKq9ZwUdMID3eMiv-sYXo2MbwL8UyBP2az3B05dcZAyXSgTQQmGGYlDWjW3NYOdXb8cX8e4hkDSZqjgheFWW8HuurVOVIJRXc1yqD2Gw7scXVeGsx5j9iVTyuNIdBqaDAwNMWROu3usPJ-Y8j0wORgbSLfN5HfaQUM_8D4.eyJraWQiOiJrNC5saWQuVzBZek5MQjNhUXl1b0RxMUl6eFBOWVJEQ2g3U2R4eHVvSmN3eXVkc2hqYWUifQ', 1795420800000);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (1, 'account_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, NULL, 'Acme', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (2, 'user_created', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', '{"accountAdmin":{"before":false,"after":true},"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (3, 'user_password_changed', 1795420800000, '2311', NULL, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (4, 'team_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Crew', '13134f8eb5db568f51a590ca23d73c76', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (5, 'role_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'pilot', 'c088aa655bad44b147a28146a315e266', '192.0.2.1', '{"permissions":{"before":[],"after":["teams.manage","users.read"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (6, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '2cb1288986ffd60c5f17bfb89976839b', '192.0.2.1', '{"teamId":{"before":null,"after":1},"roles":{"before":[],"after":["member","pilot"]},"permissions":{"before":[],"after":["events.create"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (7, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', 'c32a3a2c0fecc135200d114cd2b44d81', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (8, 'user_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '30b67243f0c1a78b1397d13dee2e543f', '192.0.2.1', '{"roles":{"before":[],"after":["member"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (9, 'user_removed_from_account', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 4, 'margaret@example.com', '3814a63c3ac869ffd865813a132a0cec', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (10, 'user_updated', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, 3, 'linus@example.com', '33ae4e88b62bd2ef41f955a9ddfe1e4f', '192.0.2.1', '{"active":{"before":true,"after":false}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (11, 'api_key_created', 1795420800000, '2311', 1, 'ada@example.com', NULL, NULL, NULL, 'Import', 'bf02cb880dd5156808ae92067054da20', '192.0.2.1', '{"permissions":{"before":null,"after":["users.read"]},"expiresAt":{"before":null,"after":"2027-10-01T00:00:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (12, 'account_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, NULL, 'Closed', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (13, 'user_created', 1795421400000, '4712', NULL, NULL, NULL, NULL, 5, 'eve@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (14, 'user_added_to_account', 1795421400000, '4712', 5, 'eve@example.com', NULL, NULL, 2, 'grace@example.com', '1e04517a1f8d2cdb0366a17dbc841c17', '192.0.2.1', '{"roles":{"before":[],"after":["member"]},"pending":{"before":false,"after":true}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (15, 'user_logged_in', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', '3e1111ae622b55fbb2caefd506c5907d', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (16, 'passkey_registration_options_generated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', 'a9aec18de928a8c994d1837f7bb57149', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (17, 'passkey_registered', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 1, 'ada@example.com', 'b75537f6bc34ca679c7c5ebd72145772', '192.0.2.1', '{"passkey":{"before":null,"after":"Laptop"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (18, 'user_impersonated', 1795421400000, '2311', 1, 'ada@example.com', NULL, NULL, 2, 'grace@example.com', '69f0284fa5b62adcfb81b1f7cc01ffbe', '192.0.2.1', '{"reason":{"before":null,"after":"Ticket 4711"},"until":{"before":null,"after":"2026-11-23T08:40:00.000Z"}}', 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (19, 'team_created', 1795421400000, '2311', 2, 'grace@example.com', 1, 'ada@example.com', NULL, 'Compilers', '6889e3d4df83647439fa4863f0553e12', '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (20, 'account_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, NULL, 'Gone', NULL, '192.0.2.1', NULL, 0);
insert into events (id, event, at, account_id, actor_id, actor, impersonator_id, impersonator, subject_id, subject, request_id, address, changes, reported) values (21, 'user_created', 1795421400000, '4713', NULL, NULL, NULL, NULL, 6, 'mallory@example.com', NULL, '192.0.2.1', '{"roles":{"before":[],"after":["admin"]}}', 0);
