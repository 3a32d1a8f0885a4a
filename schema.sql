-- Rollcall's whole database, as a text to read from top to bottom.
--
-- Times are integers: UTC milliseconds since 1970, always given by the program's one clock, never by SQLite.
-- A `*_key` column holds what is compared and sorted by (case and accents folded); its neighbour holds what was typed.

-- A tenant: everything but a user's own profile belongs to exactly one account.
--
-- The row of a deleted account stays, so that its id, and the events under it, are never anybody else's.
create table accounts (
  id          text primary key check (length(id) between 1 and 64),  -- text because clients send it in a header
  name        text not null,
  created_at  integer not null,
  updated_at  integer not null,
  removed_at  integer                                                -- deleted
) strict;

create index accounts_name    on accounts (name, id)  where removed_at is null;
create index accounts_removed on accounts (removed_at) where removed_at is not null;

-- A person. An e-mail names one person on the whole server, whatever their accounts.
create table users (
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

create index users_owner on users (active) where owner = 1;

-- Up to which user they are in the index of the search. Who is new waits until there are enough to be taken up together, which
-- costs a tenth of doing so one by one; until then a search looks at each of those who wait.
create table search_progress (
  id          integer primary key check (id = 1),
  indexed_to  integer not null
) strict;

insert into search_progress values (1, 0);

-- Who is in the index: by their place in the order of e-mails, and by what leads to them. The program makes both.
create view searched as
  select search_place(email_key, id) as place, search_terms(email_key, name_key) as terms, id
    from users where id <= (select indexed_to from search_progress);

-- Any three letters of an e-mail or a name lead to its user, and so does one that is not ASCII, and a word with a digit in it.
create virtual table user_search using fts5 (terms, content = 'searched', content_rowid = 'place',
                                             tokenize = "ascii tokenchars '_'", detail = none, columnsize = 0);

-- Each batch that is taken up is a segment of its own. FTS5 would merge segments in whichever write makes too many of them, and
-- all others wait for that one; the program has it merge a few pages at a time, between batches and when the server is idle. Its
-- pages are small, since a search that skips along several lists reads half a page wherever it stops.
insert into user_search (user_search, rank) values ('automerge', 0), ('usermerge', 2), ('pgsz', 1000);

-- The same in the order of its terms, for a single letter, and for `rollcall check`.
create virtual table user_search_terms using fts5vocab (user_search, instance);

create trigger users_to_search_update after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key)
   and old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, terms)
    values ('delete', search_place(old.email_key, old.id), search_terms(old.email_key, old.name_key));
  insert into user_search (rowid, terms) select place, terms from searched where id = new.id;
end;

create trigger users_to_search_delete after delete on users
  when old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, terms)
    values ('delete', search_place(old.email_key, old.id), search_terms(old.email_key, old.name_key));
end;

-- How somebody proves who they are; apart from `users`, so that reading a user can never read a secret.
create table passwords (
  user_id     integer primary key references users on delete cascade,
  hash        text not null,                                        -- argon2id in PHC form, parameters included
  changed_at  integer not null,
  must_change integer not null default 0 check (must_change in (0, 1)) -- an admin asks for another one at the next sign-in
) strict;

-- Passkeys (WebAuthn): the public half of a credential whose private half never leaves its owner's device.
create table passkeys (
  id          text primary key,                                     -- the credential ID, base64url
  user_id     integer not null references users on delete cascade,
  name        text not null,
  credential  text not null check (json_valid(credential)),         -- public key and counter, as the WebAuthn library keeps them
  created_at  integer not null,
  used_at     integer
) strict;

create index passkeys_user on passkeys (user_id, created_at);

-- What somebody's devices know them by, instead of an e-mail: random, and theirs for good, so that a new passkey takes the
-- place of the one a device had before.
create table passkey_handles (
  user_id     integer primary key references users on delete cascade,
  handle      text not null,                                        -- a UUID
  constraint passkey_handles_handle unique (handle)
) strict;

-- A group of people inside one account. Nobody is put into a team that isn't active.
create table teams (
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

-- The roles an account made itself. Those that every account has are a table in the code.
create table roles (
  account_id  text not null references accounts on delete cascade,
  name        text not null,
  created_at  integer not null,
  updated_at  integer not null,
  constraint roles_name primary key (account_id, name)
) strict, without rowid;

create table role_permissions (
  account_id  text not null,
  role        text not null,
  permission  text not null,
  primary key (account_id, role, permission),
  foreign key (account_id, role) references roles on delete cascade
) strict, without rowid;

-- A user in an account. The columns after the line repeat their user's, kept equal by triggers, so that a sorted page
-- of one account is a walk along one index, whatever the size of the server.
--
-- A pending membership waits for its user to accept it; until then the account knows the e-mail it invited and nothing
-- else, so the repeated columns hold what the invitation said. A removed one is in the recycle bin, as it was: its repeated
-- columns stand still.
create table memberships (
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

create index memberships_team    on memberships (team_id, user_id, removed_at) where team_id is not null;

-- Each order of a list, with what its filters ask, so that whom they leave out needs no look at their row.
create index memberships_email   on memberships (account_id, email_key, user_id, name_key, created_at, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_name    on memberships (account_id, name_key, user_id, email_key, created_at, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_created on memberships (account_id, created_at, user_id, email_key, name_key, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_updated on memberships (account_id, updated_at, user_id, email_key, name_key, created_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;

create index memberships_invited on memberships (joined_at)  where invited_email is not null;
create index memberships_purge   on memberships (removed_at) where removed_at is not null;

create trigger users_to_memberships after update of email_key, name_key, active, updated_at on users begin
  update memberships
     set email_key = new.email_key, name_key = new.name_key, active = new.active, updated_at = new.updated_at
   where user_id = new.id and invited_email is null and removed_at is null;
end;

-- Who stands apart in an account and is asked for by it: the recycle bin, who is suspended, an admin, or pending. They are few,
-- among however many others, so each has a copy of their membership here, in the orders of a list, and nobody else is written to
-- them: an index of memberships, even if it is of few, is opened for everybody who is new.
create table memberships_apart (
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

create index memberships_apart_email   on memberships_apart
  (account_id, kind, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email);
create index memberships_apart_name    on memberships_apart
  (account_id, kind, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email);
create index memberships_apart_created on memberships_apart
  (account_id, kind, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email);
create index memberships_apart_updated on memberships_apart
  (account_id, kind, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email);

-- What that table holds. The program writes it of who is new, which costs less than a trigger.
create view standing_apart as
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

create trigger memberships_to_apart_update
  after update of email_key, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at
  on memberships
  when old.removed_at is not null or old.active = 0 or old.account_admin = 1 or old.invited_email is not null
    or new.removed_at is not null or new.active = 0 or new.account_admin = 1 or new.invited_email is not null begin
  delete from memberships_apart
   where account_id = old.account_id and kind in ('removed', 'suspended', 'admin', 'pending') and user_id = old.user_id;
  insert into memberships_apart select * from standing_apart where account_id = new.account_id and user_id = new.user_id;
end;

create trigger memberships_to_apart_delete after delete on memberships begin
  delete from memberships_apart
   where account_id = old.account_id and kind in ('removed', 'suspended', 'admin', 'pending') and user_id = old.user_id;
end;

-- Members whom the index of the search knows by another e-mail or name than their account does, since they changed it while
-- they were pending or in the recycle bin. They are few, and a search looks at each.
create table search_apart (
  account_id  text not null,
  user_id     integer not null,
  primary key (account_id, user_id),
  foreign key (user_id, account_id) references memberships on delete cascade
) strict, without rowid;

create trigger users_to_search_apart after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key) begin
  insert or ignore into search_apart (account_id, user_id)
    select account_id, user_id from memberships
     where user_id = new.id and (invited_email is not null or removed_at is not null);
end;

create trigger memberships_to_search_apart after update of invited_email, removed_at on memberships
  when new.invited_email is null and new.removed_at is null begin
  delete from search_apart where account_id = new.account_id and user_id = new.user_id;
end;

-- Who holds a role: what memberships say, the other way round. The program writes both, which costs less than a trigger.
create table role_holders (
  account_id  text not null,
  role        text not null,
  user_id     integer not null,
  primary key (account_id, role, user_id)
) strict, without rowid;

create trigger memberships_to_role_holders after delete on memberships begin
  delete from role_holders
   where account_id = old.account_id and role in (select value from json_each(old.roles)) and user_id = old.user_id;
end;

-- How somebody wants to hear of an event. Without an account it is their default for all accounts.
create table notification_preferences (
  user_id     integer not null references users on delete cascade,
  event       text not null,
  account_id  text references accounts on delete cascade,
  delivery    text check (json_valid(delivery)),                    -- a JSON array of kinds; null: nothing was said
  position    integer not null                                      -- lists keep the order they were given in
) strict;

create unique index notification_preferences_one on notification_preferences (user_id, event, ifnull(account_id, ''));
create index notification_preferences_account on notification_preferences (account_id) where account_id is not null;

-- Every other secret the server has handed out and still honours; deleting the row revokes it at once. The secret itself is
-- an encrypted PASETO that names this row, and is stored nowhere.
create table tokens (
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

create index tokens_user    on tokens (user_id);
create index tokens_impersonator on tokens (impersonator_id) where impersonator_id is not null;
create index tokens_parent  on tokens (parent_id) where parent_id is not null;
create index tokens_account on tokens (account_id, created_at) where account_id is not null;
create index tokens_expires on tokens (expires_at);

-- Answers that were given to requests with an `Idempotency-Key`, so that the same request gets the same one again. They
-- may hold a first token, so they are sealed like one.
create table idempotency_keys (
  user_id      integer not null references users on delete cascade,
  account_id   text not null,                                       -- it may be gone; the answer follows within a day
  key          text not null,
  fingerprint  blob not null,                                       -- SHA-256 of what was asked
  answer       text not null,
  created_at   integer not null,
  primary key (user_id, account_id, key)
) strict, without rowid;

create index idempotency_keys_created on idempotency_keys (created_at);

-- What happened, written in the same transaction as the change itself. It names people and accounts by value, because
-- it must outlive them. The latest stand apart at first, below.
create table events (
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

create index events_account on events (account_id, at, id);
create index events_event   on events (account_id, event, at, id);
create index events_actor   on events (account_id, actor_id, at, id);
create index events_subject on events (account_id, subject_id, at, id);

-- The latest hundred or so, in no index but that of their IDs: they are moved to the others together, which costs half of writing
-- each into five trees at once, and a list looks at all of them.
create table latest_events (
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

create view all_events as select * from events union all select * from latest_events;

-- What this file went through: which Rollcall made it, and which brought it to a later schema.
create table upgrades (
  schema      integer primary key,                                  -- the one it had from then on
  from_schema integer,                                              -- null: it was made with it
  at          integer not null,
  program     text not null                                         -- the version of Rollcall, like 0.1.0
) strict;
