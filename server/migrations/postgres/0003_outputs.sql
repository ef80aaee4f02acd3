-- What submissions become beyond their visits: records, and accounts of ledgers. Twin of ../sqlite/0003_outputs.sql.

-- Business records. Those of a submission that was replaced stay, no longer standing. `fields` is null once the visit was
-- erased.
create table outputs (
  tenant text collate "C" not null,
  id text collate "C" not null,
  type text collate "C" not null,
  visit text collate "C" not null,
  customer text collate "C" not null,
  user_id text collate "C" not null,
  org_unit text collate "C",
  step text collate "C" not null,
  output text collate "C" not null,
  item bigint not null,
  revision bigint not null,
  business_date text collate "C" not null,
  event text collate "C" not null,
  at_ms bigint not null,
  standing boolean not null,
  fields text,
  primary key (tenant, id)
);
create index outputs_by_time on outputs (tenant, at_ms desc, id);
create index outputs_by_type on outputs (tenant, type, at_ms desc, id);
create index outputs_by_customer on outputs (tenant, customer, at_ms desc, id);
create index outputs_by_user on outputs (tenant, user_id, at_ms desc, id);
create index outputs_by_org_unit on outputs (tenant, org_unit, at_ms desc, id);
create index outputs_by_visit on outputs (tenant, visit, step);

-- Where each account stands: what its last entry says. `account` is a list of texts as JSON, `version` counts its entries,
-- `event` is the hash of the last. `owner` is the user the account is named after, if it is.
create table ledger_balances (
  tenant text collate "C" not null,
  ledger text collate "C" not null,
  account text collate "C" not null,
  version bigint not null,
  balance text collate "C" not null,
  unit text collate "C" not null,
  event text collate "C" not null,
  owner text collate "C",
  org_unit text collate "C",
  at_ms bigint not null,
  primary key (tenant, ledger, account)
);

-- What went into accounts and out of them, as the events of their streams say.
create table ledger_entries (
  tenant text collate "C" not null,
  ledger text collate "C" not null,
  account text collate "C" not null,
  version bigint not null,
  amount text collate "C" not null,
  balance text collate "C" not null,
  unit text collate "C" not null,
  reverses boolean not null,
  visit text collate "C",
  step text collate "C",
  user_id text collate "C" not null,
  reason text,
  event text collate "C" not null,
  owner text collate "C",
  org_unit text collate "C",
  at_ms bigint not null,
  primary key (tenant, ledger, account, version)
);
create index ledger_entries_by_time on ledger_entries (tenant, ledger, at_ms desc, account, version desc);
create index ledger_entries_by_visit on ledger_entries (tenant, visit) where visit is not null;
