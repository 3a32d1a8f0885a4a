-- The latest events stand apart until they are moved to the others together.

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

-- No ID is given twice.
insert into sqlite_sequence (name, seq) select 'latest_events', seq from sqlite_sequence where name = 'events';

create view all_events as select * from events union all select * from latest_events;
