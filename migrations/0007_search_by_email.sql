-- The index of the search has its people in the order of their e-mails, and words with a digit in them as such.

drop trigger if exists users_to_search_update;
drop trigger if exists users_to_search_delete;
drop table user_search_terms;
drop table user_search;
drop view if exists searched;

create view searched as
  select search_place(email_key, id) as place, search_terms(email_key, name_key) as terms, id
    from users where id <= (select indexed_to from search_progress);

create virtual table user_search using fts5 (terms, content = 'searched', content_rowid = 'place',
                                             tokenize = "ascii tokenchars '_'", detail = none, columnsize = 0);

insert into user_search (user_search, rank) values ('usermerge', 2);

create virtual table user_search_terms using fts5vocab (user_search, instance);

insert into user_search (rowid, terms) select place, terms from searched order by place;
insert into user_search (user_search) values ('optimize');

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
