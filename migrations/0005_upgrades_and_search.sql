-- The file says what it went through.

create table upgrades (
  schema      integer primary key,                                  -- the one it had from then on
  from_schema integer,                                              -- null: it was made with it
  at          integer not null,
  program     text not null                                         -- the version of Rollcall, like 0.1.0
) strict;

-- People are taken up into the index of the search many at a time, and it keeps which users have three letters, but no
-- longer where in their names.

drop trigger users_to_search_insert;
drop trigger users_to_search_update;
drop trigger users_to_search_delete;
drop table user_search;

create virtual table user_search using fts5 (email_key, name_key, content = 'users', content_rowid = 'id',
                                             tokenize = 'trigram', detail = none);

create table search_progress (
  id          integer primary key check (id = 1),
  indexed_to  integer not null
) strict;

insert into search_progress select 1, coalesce(max(id), 0) from users;
insert into user_search (user_search) values ('rebuild');

create trigger users_to_search_insert after insert on users
  when new.id >= (select indexed_to + 128 from search_progress) begin
  insert into user_search (rowid, email_key, name_key)
    select id, email_key, name_key from users where id > (select indexed_to from search_progress);
  update search_progress set indexed_to = new.id;
end;

create trigger users_to_search_update after update of email_key, name_key on users
  when old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, email_key, name_key) values ('delete', old.id, old.email_key, old.name_key);
  insert into user_search (rowid, email_key, name_key) values (new.id, new.email_key, new.name_key);
end;

create trigger users_to_search_delete after delete on users
  when old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, email_key, name_key) values ('delete', old.id, old.email_key, old.name_key);
end;
