-- The file says what it went through.

create table upgrades (
  schema      integer primary key,                                  -- the one it had from then on
  from_schema integer,                                              -- null: it was made with it
  at          integer not null,
  program     text not null                                         -- the version of Rollcall, like 0.1.0
) strict;

-- People are taken up into the index of the search many at a time, and it keeps which users have three letters, but no
-- longer where in their names. One or two letters are found in it, too.

drop trigger if exists users_to_search_insert;
drop trigger if exists users_to_search_update;
drop trigger if exists users_to_search_delete;
drop table user_search;

create view searched as
  select id, email_key || '  ' as email_key, name_key || '  ' as name_key from users;

-- Any three letters of an e-mail or a name lead to its user. Who is new waits until there are enough to be taken up
-- together, which costs a tenth of doing so one by one; until then a search looks at each of those who wait.
create virtual table user_search using fts5 (email_key, name_key, content = 'searched', content_rowid = 'id',
                                             tokenize = 'trigram', detail = none);

-- Who is taken up together is a part of it for itself; two that are alike in size are merged when there is time for it.
insert into user_search (user_search, rank) values ('usermerge', 2);

-- The same in the order of its letters, for one or two of them.
create virtual table user_search_terms using fts5vocab (user_search, instance);

-- Up to which user they are in the index.
create table search_progress (
  id          integer primary key check (id = 1),
  indexed_to  integer not null
) strict;

insert into search_progress select 1, coalesce(max(id), 0) from users;
insert into user_search (user_search) values ('rebuild');
insert into user_search (user_search) values ('optimize');

create trigger users_to_search_update after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key)
   and old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, email_key, name_key)
    values ('delete', old.id, old.email_key || '  ', old.name_key || '  ');
  insert into user_search (rowid, email_key, name_key) select id, email_key, name_key from searched where id = new.id;
end;

create trigger users_to_search_delete after delete on users
  when old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, email_key, name_key)
    values ('delete', old.id, old.email_key || '  ', old.name_key || '  ');
end;

-- Members whom the index of the search knows by another e-mail or name than their account does, since they changed it while
-- they were pending or in the recycle bin. They are few, and a search looks at each.
create table search_apart (
  account_id  text not null,
  user_id     integer not null,
  primary key (account_id, user_id),
  foreign key (account_id, user_id) references memberships on delete cascade
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

insert into search_apart (account_id, user_id)
  select m.account_id, m.user_id
    from (select account_id, user_id, email_key, name_key from memberships where removed_at is not null union all
          select account_id, user_id, email_key, null from memberships where invited_email is not null) m
    join users u on u.id = m.user_id
   where m.email_key <> u.email_key or m.name_key <> u.name_key;

-- The orders of a list know what its filters ask. All are made anew that come after them, so that they stand in the order
-- of `schema.sql`, by which SQLite decides between two that are as good.

drop index if exists memberships_primary;
drop index if exists memberships_user;
drop index if exists memberships_team;
drop index if exists memberships_email;
drop index if exists memberships_name;
drop index if exists memberships_created;
drop index if exists memberships_updated;
drop index if exists memberships_admin;
drop index if exists memberships_pending;
drop index if exists memberships_inactive;
drop index if exists memberships_invited;
drop index if exists memberships_purge;
drop index if exists memberships_removed;
drop index if exists memberships_removed_name;
drop index if exists memberships_removed_created;
drop index if exists memberships_removed_updated;

create unique index memberships_user on memberships (user_id, iif(primary_account, '', account_id));  -- one primary per user
create index memberships_team    on memberships (team_id, user_id, removed_at) where team_id is not null;
create index memberships_email   on memberships (account_id, email_key, user_id, name_key, created_at, updated_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
create index memberships_name    on memberships (account_id, name_key, user_id, email_key, created_at, updated_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
create index memberships_created on memberships (account_id, created_at, user_id, email_key, name_key, updated_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
create index memberships_updated on memberships (account_id, updated_at, user_id, email_key, name_key, created_at, active,
                                                 account_admin, team_id, invited_email, removed_at) where removed_at is null;
create index memberships_inactive_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_inactive_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_inactive_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_inactive_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_admin_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_admin_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_admin_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_admin_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_pending_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_pending_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_pending_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_pending_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_admin    on memberships (account_id, user_id) where account_admin = 1;
create index memberships_pending  on memberships (account_id, user_id, invited_email) where invited_email is not null;
create index memberships_inactive on memberships (account_id, user_id) where active = 0;
create index memberships_invited  on memberships (joined_at) where invited_email is not null;
create index memberships_purge    on memberships (removed_at) where removed_at is not null;
create index memberships_removed         on memberships (account_id, email_key, user_id, removed_at)  where removed_at is not null;
create index memberships_removed_name    on memberships (account_id, name_key, user_id, removed_at)   where removed_at is not null;
create index memberships_removed_created on memberships (account_id, created_at, user_id, removed_at) where removed_at is not null;
create index memberships_removed_updated on memberships (account_id, updated_at, user_id, removed_at) where removed_at is not null;

-- First tokens stand apart, one for each user: of those who had more, the latest.

create table invitations (
  user_id     integer primary key references users on delete cascade,
  token_id    text not null,
  created_at  integer not null,
  expires_at  integer not null
) strict;

insert into invitations (user_id, token_id, created_at, expires_at)
  select user_id, id, max(created_at), expires_at from tokens where kind = 'invitation' group by user_id;

-- A token is found by its id alone, so it stands in the order of those.

alter table tokens rename to tokens_before;

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

insert into tokens (id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device,
                    by_password, proved_at, impersonator_id, reason, parent_id)
  select id, kind, user_id, created_at, expires_at, account_id, name, permissions, used_at, address, device,
         by_password, proved_at, impersonator_id, reason, parent_id from tokens_before where kind <> 'invitation' order by id;

-- Nobody's token is lost: all others moved, and whoever had a first token has one.
create temporary table moved (all_of_them integer check (all_of_them));
insert into moved select (select count(*) from tokens)
                       = (select count(*) from tokens_before where kind <> 'invitation');
insert into moved select (select count(*) from invitations)
                       = (select count(distinct user_id) from tokens_before where kind = 'invitation');
drop table moved;
drop table tokens_before;

create index tokens_user    on tokens (user_id);
create index tokens_impersonator on tokens (impersonator_id) where impersonator_id is not null;
create index tokens_parent  on tokens (parent_id) where parent_id is not null;
create index tokens_account on tokens (account_id, created_at) where account_id is not null;
create index tokens_expires on tokens (expires_at);

-- Old events are found account by account.

drop index if exists events_at;
