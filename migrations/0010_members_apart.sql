-- Who stands apart in an account has a copy of their membership, in place of an index of few for each order and each kind.

drop index memberships_inactive_email;
drop index memberships_inactive_name;
drop index memberships_inactive_created;
drop index memberships_inactive_updated;
drop index memberships_admin_email;
drop index memberships_admin_name;
drop index memberships_admin_created;
drop index memberships_admin_updated;
drop index memberships_pending_email;
drop index memberships_pending_name;
drop index memberships_pending_created;
drop index memberships_pending_updated;
drop index memberships_admin;
drop index memberships_pending;
drop index memberships_inactive;
drop index memberships_removed;
drop index memberships_removed_name;
drop index memberships_removed_created;
drop index memberships_removed_updated;

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

insert into memberships_apart select * from standing_apart;

create index memberships_apart_email   on memberships_apart
  (account_id, kind, email_key, user_id, name_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email);
create index memberships_apart_name    on memberships_apart
  (account_id, kind, name_key, user_id, email_key, created_at, updated_at, active, account_admin, team_id, roles, invited_email);
create index memberships_apart_created on memberships_apart
  (account_id, kind, created_at, user_id, email_key, name_key, updated_at, active, account_admin, team_id, roles, invited_email);
create index memberships_apart_updated on memberships_apart
  (account_id, kind, updated_at, user_id, email_key, name_key, created_at, active, account_admin, team_id, roles, invited_email);

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
