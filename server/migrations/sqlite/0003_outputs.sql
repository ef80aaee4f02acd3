-- What submissions become beyond their visits: records, and accounts of ledgers. Twin of ../postgres/0003_outputs.sql.

-- Business records. Those of a submission that was replaced stay, no longer standing. `fields` is null once the visit was
-- erased.
create table outputs (
  tenant text not null,
  id text not null,
  type text not null,
  visit text not null,
  customer text not null,
  user_id text not null,
  org_unit text,
  step text not null,
  output text not null,
  item integer not null,
  revision integer not null,
  business_date text not null,
  event text not null,
  at_ms integer not null,
  standing integer not null,
  fields text,
  primary key (tenant, id)
) strict;
create index outputs_by_time on outputs (tenant, at_ms desc, id);
create index outputs_by_type on outputs (tenant, type, at_ms desc, id);
create index outputs_by_customer on outputs (tenant, customer, at_ms desc, id);
create index outputs_by_user on outputs (tenant, user_id, at_ms desc, id);
create index outputs_by_org_unit on outputs (tenant, org_unit, at_ms desc, id);
create index outputs_by_visit on outputs (tenant, visit, step);

-- Where each account stands: what its last entry says. `account` is a list of texts as JSON, `version` counts its entries,
-- `event` is the hash of the last. `owner` is the user the account is named after, if it is.
create table ledger_balances (
  tenant text not null,
  ledger text not null,
  account text not null,
  version integer not null,
  balance text not null,
  unit text not null,
  event text not null,
  owner text,
  org_unit text,
  at_ms integer not null,
  primary key (tenant, ledger, account)
) strict;

-- What went into accounts and out of them, as the events of their streams say.
create table ledger_entries (
  tenant text not null,
  ledger text not null,
  account text not null,
  version integer not null,
  amount text not null,
  balance text not null,
  unit text not null,
  reverses integer not null,
  visit text,
  step text,
  user_id text not null,
  reason text,
  event text not null,
  owner text,
  org_unit text,
  at_ms integer not null,
  primary key (tenant, ledger, account, version)
) strict;
create index ledger_entries_by_time on ledger_entries (tenant, ledger, at_ms desc, account, version desc);
create index ledger_entries_by_visit on ledger_entries (tenant, visit) where visit is not null;
