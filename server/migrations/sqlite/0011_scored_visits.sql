-- Scores of judged visits under an SOP with a rule that asks how reps stand beside their peers.
-- Twin of ../postgres/0011_scored_visits.sql. `at_ms` is the check-in; `tenths` of a point, none where nothing applied; `parts` of
-- the score as JSON.
create table scored_visits (
  tenant text not null,
  visit text not null,
  user_id text not null,
  sop text not null,
  at_ms integer not null,
  tenths integer,
  parts text not null,
  primary key (tenant, visit)
) strict, without rowid;
create index scored_visits_by_time on scored_visits (tenant, at_ms, visit) where tenths is not null;
