-- The file says what it went through.

create table upgrades (
  schema      integer primary key,                                  -- the one it had from then on
  from_schema integer,                                              -- null: it was made with it
  at          integer not null,
  program     text not null                                         -- the version of Rollcall, like 0.1.0
) strict;
