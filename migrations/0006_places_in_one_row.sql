-- A membership tells its roles and permissions itself, and stands with those of its user; a first token is part of its user.

alter table users add column invitation_id         text;
alter table users add column invitation_created_at integer;
alter table users add column invitation_expires_at integer check ((invitation_id is null) = (invitation_created_at is null)
                                                              and (invitation_id is null) = (invitation_expires_at is null));

update users set (invitation_id, invitation_created_at, invitation_expires_at)
               = (select token_id, created_at, expires_at from invitations where user_id = users.id)
 where id in (select user_id from invitations);

create table role_holders (
  account_id  text not null,
  role        text not null,
  user_id     integer not null,
  primary key (account_id, role, user_id)
) strict, without rowid;

insert into role_holders (account_id, role, user_id)
  select account_id, role, user_id from membership_roles order by account_id, role, user_id;

-- What refers to memberships goes on doing so while they are made anew.
pragma legacy_alter_table = on;
drop trigger if exists memberships_to_search_apart;
alter table memberships rename to memberships_before;
pragma legacy_alter_table = off;

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

insert into memberships (user_id, account_id, primary_account, account_admin, team_id, roles, permissions, joined_at,
                         invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at)
  select user_id, account_id, primary_account, account_admin, team_id,
         (select json_group_array(role) from
            (select role from membership_roles where account_id = m.account_id and user_id = m.user_id order by role)),
         (select nullif(json_group_array(permission), '[]') from
            (select permission from membership_permissions where account_id = m.account_id and user_id = m.user_id
              order by permission)),
         joined_at, invited_email, invited_by, removed_at, email_key, name_key, active, created_at, updated_at
    from memberships_before m order by user_id, account_id;

-- Nothing is lost: every first token, membership, role and permission is where it is looked for now.
create temporary table moved (all_of_them integer check (all_of_them));
insert into moved select (select count(*) from users where invitation_id is not null) = (select count(*) from invitations);
insert into moved select (select count(*) from memberships) = (select count(*) from memberships_before);
insert into moved select (select count(*) from role_holders) = (select count(*) from membership_roles);
insert into moved select (select total(json_array_length(roles)) from memberships) = (select count(*) from membership_roles);
insert into moved select (select total(json_array_length(permissions)) from memberships)
                       = (select count(*) from membership_permissions);
drop table moved;

create temporary table apart as select account_id, user_id from search_apart;
drop table search_apart;

create table search_apart (
  account_id  text not null,
  user_id     integer not null,
  primary key (account_id, user_id),
  foreign key (user_id, account_id) references memberships on delete cascade
) strict, without rowid;

insert into search_apart (account_id, user_id) select account_id, user_id from apart;
drop table apart;

drop table invitations;
drop table membership_roles;
drop table membership_permissions;
drop table memberships_before;

-- In the order of `schema.sql`, by which SQLite decides between two that are as good.

create index memberships_team    on memberships (team_id, user_id, removed_at) where team_id is not null;
create index memberships_email   on memberships (account_id, email_key, user_id, name_key, created_at, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_name    on memberships (account_id, name_key, user_id, email_key, created_at, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_created on memberships (account_id, created_at, user_id, email_key, name_key, updated_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_updated on memberships (account_id, updated_at, user_id, email_key, name_key, created_at, active,
                                                 account_admin, team_id, roles, invited_email, removed_at) where removed_at is null;
create index memberships_inactive_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_inactive_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_inactive_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_inactive_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where active = 0 and removed_at is null;
create index memberships_admin_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_admin_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_admin_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_admin_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where account_admin = 1 and removed_at is null;
create index memberships_pending_email on memberships
  (account_id, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_pending_name on memberships
  (account_id, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_pending_created on memberships
  (account_id, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email, removed_at)
  where invited_email is not null and removed_at is null;
create index memberships_pending_updated on memberships
  (account_id, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email, removed_at)
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

create trigger memberships_to_search_apart after update of invited_email, removed_at on memberships
  when new.invited_email is null and new.removed_at is null begin
  delete from search_apart where account_id = new.account_id and user_id = new.user_id;
end;

create trigger memberships_to_role_holders after delete on memberships begin
  delete from role_holders
   where account_id = old.account_id and role in (select value from json_each(old.roles)) and user_id = old.user_id;
end;
