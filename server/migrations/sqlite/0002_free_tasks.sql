-- Tasks that nobody has yet, in the order of lists. Twin of ../postgres/0002_free_tasks.sql.
drop index tasks_by_candidate;
create index tasks_by_candidate on tasks (tenant, candidate_role, candidate_unit, created_ms desc, id)
  where assignee is null and candidate_role is not null;
