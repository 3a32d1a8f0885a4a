-- Pages of the search's index have a kilobyte, not four, and what there is is written anew in them: a search that skips along
-- several lists reads half a page wherever it stops.

insert into user_search (user_search, rank) values ('pgsz', 1000);
insert into user_search (user_search) values ('optimize');
