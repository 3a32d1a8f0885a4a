-- A sigma at the end of a word is found by any other. And the index of the search is merged by the program, a few pages at a
-- time, and no longer by FTS5 in one write after many others.

drop trigger if exists users_to_search_update;

create temporary table changed as select 1 from users where email_key || name_key like '%ς%' limit 1;

update users set name_key = replace(name_key, 'ς', 'σ') where name_key like '%ς%';
update or ignore users set email_key = replace(email_key, 'ς', 'σ') where email_key like '%ς%';
update memberships set email_key = replace(email_key, 'ς', 'σ'), name_key = replace(name_key, 'ς', 'σ')
 where email_key || name_key like '%ς%' and (invited_email is not null or removed_at is not null);
update or ignore teams set name_key = replace(name_key, 'ς', 'σ') where name_key like '%ς%';

-- Where anybody has one, the index is made anew: else it would keep what it is to forget beside what takes its place.
insert into user_search (user_search) select 'delete-all' from changed;
insert into user_search (rowid, terms) select place, terms from searched where exists (select 1 from changed) order by place;
insert into user_search (user_search) select 'optimize' from changed;
drop table changed;

create trigger users_to_search_update after update of email_key, name_key on users
  when (old.email_key, old.name_key) <> (new.email_key, new.name_key)
   and old.id <= (select indexed_to from search_progress) begin
  insert into user_search (user_search, rowid, terms)
    values ('delete', search_place(old.email_key, old.id), search_terms(old.email_key, old.name_key));
  insert into user_search (rowid, terms) select place, terms from searched where id = new.id;
end;

insert into user_search (user_search, rank) values ('automerge', 0), ('usermerge', 2);
