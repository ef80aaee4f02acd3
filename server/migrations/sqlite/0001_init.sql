-- The data of Sopwith. Twin of ../postgres/0001_init.sql: same tables, columns and keys, other types.
-- The tenant leads every key and every index. No sequences, no triggers. Times are milliseconds since 1970 in UTC, JSON
-- is text. A landed migration is never edited: what changes comes in a new file, expand first, contract a release later.

-- Companies.
create table tenants (
  tenant text not null primary key,
  name text not null,
  suspended integer not null,
  created_ms integer not null,
  -- Seeds of random rechecks; never leaves the server.
  secret text not null
) strict;

-- The last change_seq of a tenant. A commit updates it last and holds it until its end, so the order is gapless.
create table counters (
  tenant text not null primary key references tenants (tenant),
  change_seq integer not null
) strict, without rowid;

-- What each commit changed, for whoever follows.
create table changes (
  tenant text not null,
  change_seq integer not null,
  at_ms integer not null,
  what text not null,
  primary key (tenant, change_seq)
) strict, without rowid;

-- Bearer tokens, hashed.
create table tokens (
  tenant text not null,
  id text not null,
  hash text not null,
  user_id text not null,
  label text not null,
  created_ms integer not null,
  expires_ms integer,
  revoked_ms integer,
  primary key (tenant, id)
) strict, without rowid;
-- The one index without the tenant: a token is what tells it.
create index tokens_by_hash on tokens (hash);
create index tokens_by_user on tokens (tenant, user_id);

-- Answers to commands: what a repeated command gets, and why it happens once only.
create table commands (
  tenant text not null,
  actor text not null,
  id text not null,
  body_hash text not null,
  status integer not null,
  answer text not null,
  etag text,
  at_ms integer not null,
  primary key (tenant, actor, id)
) strict;

-- Master data of every kind: dated revisions, never overwritten. `newest` marks the last revision of each.
create table records (
  tenant text not null,
  kind text not null,
  id text not null,
  revision integer not null,
  newest integer not null,
  subject text,
  org_unit text,
  from_ms integer,
  to_ms integer,
  body text not null,
  at_ms integer not null,
  written_by text not null,
  primary key (tenant, kind, id, revision)
) strict;
create unique index records_newest on records (tenant, kind, id) where newest;
create index records_by_subject on records (tenant, kind, subject, id) where newest;

-- Who is below whom in the tree of org units; each is below itself at depth 0. Follows the newest org unit records.
create table org_closure (
  tenant text not null,
  ancestor text not null,
  descendant text not null,
  depth integer not null,
  primary key (tenant, ancestor, descendant)
) strict, without rowid;
create index org_closure_up on org_closure (tenant, descendant, depth, ancestor);

-- SOPs, plugins and datasets: drafts, and published versions that stay as they are.
create table versions (
  tenant text not null,
  kind text not null,
  name text not null,
  version text not null,
  published integer not null,
  offered integer not null,
  revision integer not null,
  hash text not null,
  about text not null,
  at_ms integer not null,
  written_by text not null,
  primary key (tenant, kind, name, version)
) strict;
create index versions_offered on versions (tenant, kind, name, version) where offered;

-- Content by hash: SOP documents, components, dataset rows.
create table objects (
  tenant text not null,
  hash text not null,
  bytes blob not null,
  primary key (tenant, hash)
) strict;

-- Tasks: `body` is the task, the other columns are what it is found by.
create table tasks (
  tenant text not null,
  id text not null,
  version integer not null,
  kind text not null,
  state text not null,
  title_text text not null,
  customer text,
  location text,
  sop text,
  purpose text,
  origin text not null,
  plan text,
  priority integer not null,
  assignee text,
  candidate_role text,
  candidate_unit text,
  parent text,
  org_unit text,
  decision text,
  validity text,
  outcome text,
  overdue integer not null,
  business_date text,
  due_ms integer,
  planned_from_ms integer,
  planned_to_ms integer,
  -- When policy closes a visit that is open, and when the worker must say that time has passed; none: never.
  closes_ms integer,
  remind_ms integer,
  created_ms integer not null,
  body text not null,
  primary key (tenant, id)
) strict;
create index tasks_by_time on tasks (tenant, created_ms desc, id);
create index tasks_by_assignee on tasks (tenant, assignee, created_ms desc, id);
create index tasks_by_org_unit on tasks (tenant, org_unit, created_ms desc, id);
create index tasks_by_customer on tasks (tenant, customer, created_ms desc, id);
create index tasks_by_state on tasks (tenant, state, created_ms desc, id);
create index tasks_by_parent on tasks (tenant, parent) where parent is not null;
create index tasks_by_candidate on tasks (tenant, candidate_role, candidate_unit)
  where assignee is null and candidate_role is not null;
create index tasks_to_close on tasks (tenant, closes_ms, id) where closes_ms is not null;
create index tasks_to_remind on tasks (tenant, remind_ms, id) where remind_ms is not null;

-- Members of a task that are lists: contacts, links, tags.
create table task_terms (
  tenant text not null,
  term text not null,
  value text not null,
  task text not null,
  primary key (tenant, term, value, task),
  foreign key (tenant, task) references tasks (tenant, id)
) strict, without rowid;
create index task_terms_by_task on task_terms (tenant, task);

-- Where each stream of events ends.
create table streams (
  tenant text not null,
  stream text not null,
  seq integer not null,
  hash text not null,
  primary key (tenant, stream)
) strict, without rowid;

-- Events: append-only. `header` is canonical JSON, the bytes that were hashed.
create table events (
  tenant text not null,
  stream text not null,
  seq integer not null,
  hash text not null,
  header text not null,
  primary key (tenant, stream, seq),
  foreign key (tenant, stream) references streams (tenant, stream)
) strict;
create unique index events_by_hash on events (tenant, hash);

-- What an event tells by commitment only. Erased: value and salt are null, the row stays.
create table payloads (
  tenant text not null,
  stream text not null,
  seq integer not null,
  name text not null,
  salt text,
  value text,
  primary key (tenant, stream, seq, name),
  foreign key (tenant, stream, seq) references events (tenant, stream, seq),
  check ((salt is null) = (value is null))
) strict;

-- Evidence whose bytes are on disk.
create table evidence (
  tenant text not null,
  sha256 text not null,
  media_type text not null,
  size integer not null,
  width integer,
  height integer,
  reported_by text not null,
  at_ms integer not null,
  primary key (tenant, sha256)
) strict, without rowid;

-- Evidence that a visit names and that is not here yet.
create table awaited (
  tenant text not null,
  visit text not null,
  sha256 text not null,
  primary key (tenant, visit, sha256)
) strict, without rowid;
create index awaited_by_evidence on awaited (tenant, sha256, visit);

-- Where evidence was used: the past a rule may ask for.
create table evidence_uses (
  tenant text not null,
  sha256 text not null,
  visit text not null,
  step text not null,
  class text not null,
  seq integer not null,
  customer text not null,
  received_ms integer not null,
  primary key (tenant, sha256, visit, step, class, seq)
) strict, without rowid;

-- The accepted check-in of each visit, by rep and time.
create table check_ins (
  tenant text not null,
  visit text not null,
  user_id text not null,
  seq integer not null,
  at_ms integer not null,
  primary key (tenant, visit)
) strict, without rowid;
create index check_ins_by_user on check_ins (tenant, user_id, at_ms, visit);

-- Visits with a verdict, by customer and time.
create table judged_visits (
  tenant text not null,
  visit text not null,
  customer text not null,
  seq integer not null,
  at_ms integer not null,
  primary key (tenant, visit)
) strict, without rowid;
create index judged_visits_by_customer on judged_visits (tenant, customer, at_ms, visit);

-- Work that follows from a commit. `due_ms` is also the lease; `again`: asked for once more while somebody was at it.
create table outbox (
  tenant text not null,
  id text not null,
  topic text not null,
  body text not null,
  attempts integer not null,
  due_ms integer not null,
  again integer not null,
  primary key (tenant, id)
) strict, without rowid;
create index outbox_due on outbox (tenant, due_ms, id);
