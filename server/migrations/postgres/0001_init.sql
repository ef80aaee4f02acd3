-- The data of Sopwith. Twin of ../sqlite/0001_init.sql: same tables, columns and keys, other types.
-- The tenant leads every key and every index. No sequences, no triggers. Times are milliseconds since 1970 in UTC, JSON
-- is text. Keys have the collation "C": they are compared by their bytes, as SQLite does.
-- A landed migration is never edited: what changes comes in a new file, expand first, contract a release later.

-- Companies.
create table tenants (
  tenant text collate "C" not null primary key,
  name text collate "C" not null,
  suspended boolean not null,
  created_ms bigint not null,
  -- Seeds of random rechecks; never leaves the server.
  secret text not null
);

-- The last change_seq of a tenant. A commit updates it last and holds it until its end, so the order is gapless.
create table counters (
  tenant text collate "C" not null primary key references tenants (tenant),
  change_seq bigint not null
);

-- What each commit changed, for whoever follows.
create table changes (
  tenant text collate "C" not null,
  change_seq bigint not null,
  at_ms bigint not null,
  what text not null,
  primary key (tenant, change_seq)
);

-- Bearer tokens, hashed.
create table tokens (
  tenant text collate "C" not null,
  id text collate "C" not null,
  hash text collate "C" not null,
  user_id text collate "C" not null,
  label text not null,
  created_ms bigint not null,
  expires_ms bigint,
  revoked_ms bigint,
  primary key (tenant, id)
);
-- The one index without the tenant: a token is what tells it.
create index tokens_by_hash on tokens (hash);
create index tokens_by_user on tokens (tenant, user_id);

-- Answers to commands: what a repeated command gets, and why it happens once only.
create table commands (
  tenant text collate "C" not null,
  actor text collate "C" not null,
  id text collate "C" not null,
  body_hash text collate "C" not null,
  status bigint not null,
  answer text not null,
  etag text collate "C",
  at_ms bigint not null,
  primary key (tenant, actor, id)
);

-- Master data of every kind: dated revisions, never overwritten. `newest` marks the last revision of each.
create table records (
  tenant text collate "C" not null,
  kind text collate "C" not null,
  id text collate "C" not null,
  revision bigint not null,
  newest boolean not null,
  subject text collate "C",
  org_unit text collate "C",
  from_ms bigint,
  to_ms bigint,
  body text not null,
  at_ms bigint not null,
  written_by text collate "C" not null,
  primary key (tenant, kind, id, revision)
);
create unique index records_newest on records (tenant, kind, id) where newest;
create index records_by_subject on records (tenant, kind, subject, id) where newest;

-- Who is below whom in the tree of org units; each is below itself at depth 0. Follows the newest org unit records.
create table org_closure (
  tenant text collate "C" not null,
  ancestor text collate "C" not null,
  descendant text collate "C" not null,
  depth bigint not null,
  primary key (tenant, ancestor, descendant)
);
create index org_closure_up on org_closure (tenant, descendant, depth, ancestor);

-- SOPs, plugins and datasets: drafts, and published versions that stay as they are.
create table versions (
  tenant text collate "C" not null,
  kind text collate "C" not null,
  name text collate "C" not null,
  version text collate "C" not null,
  published boolean not null,
  offered boolean not null,
  revision bigint not null,
  hash text collate "C" not null,
  about text not null,
  at_ms bigint not null,
  written_by text collate "C" not null,
  primary key (tenant, kind, name, version)
);
create index versions_offered on versions (tenant, kind, name, version) where offered;

-- Content by hash: SOP documents, components, dataset rows.
create table objects (
  tenant text collate "C" not null,
  hash text collate "C" not null,
  bytes bytea not null,
  primary key (tenant, hash)
);

-- Tasks: `body` is the task, the other columns are what it is found by.
create table tasks (
  tenant text collate "C" not null,
  id text collate "C" not null,
  version bigint not null,
  kind text collate "C" not null,
  state text collate "C" not null,
  title_text text not null,
  customer text collate "C",
  location text collate "C",
  sop text collate "C",
  purpose text collate "C",
  origin text collate "C" not null,
  plan text collate "C",
  priority bigint not null,
  assignee text collate "C",
  candidate_role text collate "C",
  candidate_unit text collate "C",
  parent text collate "C",
  org_unit text collate "C",
  decision text collate "C",
  validity text collate "C",
  outcome text collate "C",
  overdue boolean not null,
  business_date text collate "C",
  due_ms bigint,
  planned_from_ms bigint,
  planned_to_ms bigint,
  -- When policy closes a visit that is open, and when the worker must say that time has passed; none: never.
  closes_ms bigint,
  remind_ms bigint,
  created_ms bigint not null,
  body text not null,
  primary key (tenant, id)
);
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
  tenant text collate "C" not null,
  term text collate "C" not null,
  value text not null,
  task text collate "C" not null,
  primary key (tenant, term, value, task),
  foreign key (tenant, task) references tasks (tenant, id)
);
create index task_terms_by_task on task_terms (tenant, task);

-- Where each stream of events ends.
create table streams (
  tenant text collate "C" not null,
  stream text collate "C" not null,
  seq bigint not null,
  hash text collate "C" not null,
  primary key (tenant, stream)
);

-- Events: append-only. `header` is canonical JSON, the bytes that were hashed.
create table events (
  tenant text collate "C" not null,
  stream text collate "C" not null,
  seq bigint not null,
  hash text collate "C" not null,
  header text not null,
  primary key (tenant, stream, seq),
  foreign key (tenant, stream) references streams (tenant, stream)
);
create unique index events_by_hash on events (tenant, hash);

-- What an event tells by commitment only. Erased: value and salt are null, the row stays.
create table payloads (
  tenant text collate "C" not null,
  stream text collate "C" not null,
  seq bigint not null,
  name text collate "C" not null,
  salt text collate "C",
  value text,
  primary key (tenant, stream, seq, name),
  foreign key (tenant, stream, seq) references events (tenant, stream, seq),
  check ((salt is null) = (value is null))
);

-- Evidence whose bytes are on disk.
create table evidence (
  tenant text collate "C" not null,
  sha256 text collate "C" not null,
  media_type text collate "C" not null,
  size bigint not null,
  width bigint,
  height bigint,
  reported_by text collate "C" not null,
  at_ms bigint not null,
  primary key (tenant, sha256)
);

-- Evidence that a visit names and that is not here yet.
create table awaited (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  sha256 text collate "C" not null,
  primary key (tenant, visit, sha256)
);
create index awaited_by_evidence on awaited (tenant, sha256, visit);

-- Where evidence was used: the past a rule may ask for.
create table evidence_uses (
  tenant text collate "C" not null,
  sha256 text collate "C" not null,
  visit text collate "C" not null,
  step text collate "C" not null,
  class text collate "C" not null,
  seq bigint not null,
  customer text collate "C" not null,
  received_ms bigint not null,
  primary key (tenant, sha256, visit, step, class, seq)
);

-- The accepted check-in of each visit, by rep and time.
create table check_ins (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  user_id text collate "C" not null,
  seq bigint not null,
  at_ms bigint not null,
  primary key (tenant, visit)
);
create index check_ins_by_user on check_ins (tenant, user_id, at_ms, visit);

-- Visits with a verdict, by customer and time.
create table judged_visits (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  customer text collate "C" not null,
  seq bigint not null,
  at_ms bigint not null,
  primary key (tenant, visit)
);
create index judged_visits_by_customer on judged_visits (tenant, customer, at_ms, visit);

-- Work that follows from a commit. `due_ms` is also the lease; `again`: asked for once more while somebody was at it.
create table outbox (
  tenant text collate "C" not null,
  id text collate "C" not null,
  topic text collate "C" not null,
  body text not null,
  attempts bigint not null,
  due_ms bigint not null,
  again boolean not null,
  primary key (tenant, id)
);
create index outbox_due on outbox (tenant, due_ms, id);
