-- The index of the search is merged by the program, a few pages at a time, and no longer by FTS5 in one write after many others.
-- And a sigma at the end of a word is found by any other.

insert into user_search (user_search, rank) values ('automerge', 0), ('usermerge', 2);

update or ignore users set email_key = replace(email_key, 'ς', 'σ'), name_key = replace(name_key, 'ς', 'σ')
 where email_key || name_key like '%ς%';
update memberships set email_key = replace(email_key, 'ς', 'σ'), name_key = replace(name_key, 'ς', 'σ')
 where email_key || name_key like '%ς%' and (invited_email is not null or removed_at is not null);
update or ignore teams set name_key = replace(name_key, 'ς', 'σ') where name_key like '%ς%';
