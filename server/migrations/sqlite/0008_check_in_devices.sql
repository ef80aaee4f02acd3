-- From which device people check in. Twin of ../postgres/0008_check_in_devices.sql.
alter table check_ins add column device text not null default '';
create index check_ins_by_device on check_ins (tenant, device, at_ms, visit);
