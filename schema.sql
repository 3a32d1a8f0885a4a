-- Rollcall's whole database, as a text to read from top to bottom.
--
-- Times are integers: UTC milliseconds since 1970, always given by the program's one clock, never by SQLite.
-- A `*_key` column holds what is compared and sorted by (case and accents folded); its neighbour holds what was typed.

-- A tenant: everything but a user's own profile belongs to exactly one account.
create table accounts (
  id          text primary key check (length(id) between 1 and 64),  -- text because clients send it in a header
  name        text not null,
  created_at  integer not null,
  updated_at  integer not null
) strict;

-- A person. An e-mail names one person on the whole server, whatever their accounts.
create table users (
  id          integer primary key,
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

-- How somebody proves who they are; apart from `users`, so that reading a user can never read a secret.
create table passwords (
  user_id     integer primary key references users on delete cascade,
  hash        text not null,                                        -- argon2id in PHC form, parameters included
  changed_at  integer not null
) strict;

-- A group of people inside one account.
create table teams (
  id          integer primary key,
  account_id  text not null references accounts on delete cascade,
  name        text not null,
  created_at  integer not null,
  updated_at  integer not null,
  constraint teams_name unique (account_id, name),
  constraint teams_account unique (id, account_id)                  -- lets a membership prove its team is of its account
) strict;

-- A user in an account. The columns after the line repeat their user's, kept equal by triggers, so that a sorted page
-- of one account is a walk along one index, whatever the size of the server.
create table memberships (
  account_id       text not null references accounts on delete cascade,
  user_id          integer not null references users on delete cascade,
  primary_account  integer not null check (primary_account in (0, 1)),
  account_admin    integer not null default 0 check (account_admin in (0, 1)),
  team_id          integer,
  joined_at        integer not null,
  -- ------------------
  email_key        text not null,
  name_key         text not null,
  active           integer not null,
  created_at       integer not null,
  updated_at       integer not null,
  primary key (account_id, user_id),
  foreign key (team_id, account_id) references teams (id, account_id)
) strict, without rowid;

create unique index memberships_primary on memberships (user_id) where primary_account = 1;  -- one primary per user
create index memberships_user    on memberships (user_id);
create index memberships_team    on memberships (team_id) where team_id is not null;
create index memberships_email   on memberships (account_id, email_key, user_id);
create index memberships_name    on memberships (account_id, name_key, user_id);
create index memberships_created on memberships (account_id, created_at, user_id);
create index memberships_updated on memberships (account_id, updated_at, user_id);

create trigger users_to_memberships after update of email_key, name_key, active, updated_at on users begin
  update memberships
     set email_key = new.email_key, name_key = new.name_key, active = new.active, updated_at = new.updated_at
   where user_id = new.id;
end;

-- The roles a member holds, by name. What a role permits is a table in the code.
create table membership_roles (
  account_id  text not null,
  user_id     integer not null,
  role        text not null,
  primary key (account_id, user_id, role),
  foreign key (account_id, user_id) references memberships on delete cascade
) strict, without rowid;

-- How somebody wants to hear of an event. Without an account it is their default for all accounts.
create table notification_preferences (
  user_id     integer not null references users on delete cascade,
  event       text not null,
  account_id  text references accounts on delete cascade,
  delivery    text check (json_valid(delivery)),                    -- a JSON array of kinds; null: nothing was said
  position    integer not null                                      -- lists keep the order they were given in
) strict;

create unique index notification_preferences_one on notification_preferences (user_id, event, ifnull(account_id, ''));

-- Every secret the server has handed out and still honours; deleting the row revokes it at once. The secret itself is
-- an encrypted PASETO that names this row, and is stored nowhere.
create table tokens (
  id          text primary key,
  kind        text not null check (kind in ('session', 'api_key', 'invitation', 'sign_in_link', 'set_up_link')),
  user_id     integer references users on delete cascade,           -- null only for a set-up link: nobody exists yet
  created_at  integer not null,
  expires_at  integer not null,
  check ((user_id is null) = (kind = 'set_up_link'))
) strict;

create index tokens_user    on tokens (user_id);
create index tokens_expires on tokens (expires_at);

-- What happened, written in the same transaction as the change itself. It names people and accounts by value, because
-- it must outlive them.
create table events (
  id          integer primary key,
  event       text not null,
  at          integer not null,
  account_id  text,
  actor_id    integer,
  actor       text,                                                 -- the e-mail of who did it
  subject_id  integer,
  subject     text,                                                 -- the e-mail, or the name, of what it was done to
  request_id  text,
  address     text,
  changes     text check (json_valid(changes))                      -- {"field": {"before": …, "after": …}}
) strict;

create index events_account on events (account_id, id);
create index events_subject on events (subject_id, id);
