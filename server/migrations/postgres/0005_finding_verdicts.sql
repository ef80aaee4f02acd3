-- What rules found in verdicts, and what became of it: contested by the rep, upheld or overturned by a reviewer.
-- Twin of ../sqlite/0005_finding_verdicts.sql. `rule` is who found it, a rule (with its plugin's version and hash) or a
-- built-in check (without). A row of a finding that nobody contested or judged goes when its visit is judged again.
create table finding_verdicts (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  finding text collate "C" not null,
  task text collate "C" not null,
  rule text collate "C" not null,
  plugin_version text collate "C",
  plugin_hash text collate "C",
  code text collate "C" not null,
  sop text collate "C" not null,
  sop_version text collate "C" not null,
  effect text collate "C" not null,
  weight bigint not null,
  found_ms bigint not null,
  contested boolean not null,
  verdict text collate "C",
  decided_by text collate "C",
  decided_ms bigint,
  primary key (tenant, visit, finding)
);
create index finding_verdicts_by_rule on finding_verdicts (tenant, rule, plugin_version, code);
