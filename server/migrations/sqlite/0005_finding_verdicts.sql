-- What rules found in verdicts, and what became of it: contested by the rep, upheld or overturned by a reviewer.
-- Twin of ../postgres/0005_finding_verdicts.sql. `rule` is who found it, a rule (with its plugin's version and hash) or a
-- built-in check (without). A row of a finding that nobody contested or judged goes when its visit is judged again.
create table finding_verdicts (
  tenant text not null,
  visit text not null,
  finding text not null,
  task text not null,
  rule text not null,
  plugin_version text,
  plugin_hash text,
  code text not null,
  sop text not null,
  sop_version text not null,
  effect text not null,
  weight integer not null,
  found_ms integer not null,
  contested integer not null,
  verdict text,
  decided_by text,
  decided_ms integer,
  primary key (tenant, visit, finding)
) strict, without rowid;
create index finding_verdicts_by_rule on finding_verdicts (tenant, rule, plugin_version, code);
