-- Which customers are in which cells of a grid, to find neighbours. Twin of ../postgres/0010_places.sql.

-- A row for each cell of each location that was ever written; none is taken out. SQL cannot say in which cell a location is,
-- because coordinates may be in other systems than WGS-84: `migrate` fills the table from the records that are there.
create table places (
  tenant text not null,
  cell text not null,
  customer text not null,
  primary key (tenant, cell, customer)
) strict, without rowid;
