-- Imports that are all or nothing, and where reps are when they check in. Twin of ../sqlite/0007_imports_and_arrivals.sql.

-- Revisions of master data that an import brings. Nobody sees them until the import takes effect: then all of them go to
-- `records` in one transaction. What is left of an import that never did is deleted by a later one.
create table import_rows (
  tenant text collate "C" not null,
  import text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  revision bigint not null,
  subject text collate "C",
  org_unit text collate "C",
  from_ms bigint,
  to_ms bigint,
  body text not null,
  at_ms bigint not null,
  written_by text collate "C" not null,
  primary key (tenant, import, kind, id)
);

-- Check-ins with a position that counts, accepted ones and those refused because the rep was outside the fence, by customer
-- and time. The position is in the event. `misses`: far from where the customer was said to be.
create table arrivals (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  seq bigint not null,
  customer text collate "C" not null,
  user_id text collate "C" not null,
  at_ms bigint not null,
  misses boolean not null,
  primary key (tenant, visit, seq)
);
create index arrivals_by_customer on arrivals (tenant, customer, at_ms, visit, seq);
create index arrivals_that_miss on arrivals (tenant, customer) where misses;

-- Of visits before this migration nobody knows whether they missed; looking will tell.
insert into arrivals (tenant, visit, seq, customer, user_id, at_ms, misses)
select c.tenant, c.visit, c.seq, j.customer, c.user_id, c.at_ms, true
from check_ins c join judged_visits j on j.tenant = c.tenant and j.visit = c.visit;
