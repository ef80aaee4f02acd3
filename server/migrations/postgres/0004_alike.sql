-- Photos and texts of visits, to find those that are alike, and what photos say of themselves.
-- Twin of ../sqlite/0004_alike.sql.

-- Photos by the four 16-bit bands of their perceptual hash (`phash`, its 64 bits as a signed number). Two hashes that differ
-- in at most 7 bits share a band but for one bit: every look-up is a few ranges of these indexes. `event` is the hash of the
-- `submitted` event.
create table photos (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  event text collate "C" not null,
  sha256 text collate "C" not null,
  customer text collate "C" not null,
  user_id text collate "C" not null,
  step text collate "C" not null,
  class text collate "C" not null,
  business_date text collate "C" not null,
  received_ms bigint not null,
  phash bigint not null,
  band_0 bigint not null,
  band_1 bigint not null,
  band_2 bigint not null,
  band_3 bigint not null,
  primary key (tenant, visit, event, sha256)
);
create index photos_by_band_0 on photos (tenant, band_0, received_ms);
create index photos_by_band_1 on photos (tenant, band_1, received_ms);
create index photos_by_band_2 on photos (tenant, band_2, received_ms);
create index photos_by_band_3 on photos (tenant, band_3, received_ms);

-- Texts in a rep's own words, by the hash of what they say. They go when the visit is erased: short texts can be guessed.
create table free_texts (
  tenant text collate "C" not null,
  visit text collate "C" not null,
  event text collate "C" not null,
  hash text collate "C" not null,
  customer text collate "C" not null,
  user_id text collate "C" not null,
  business_date text collate "C" not null,
  received_ms bigint not null,
  primary key (tenant, visit, event, hash)
);
create index free_texts_by_hash on free_texts (tenant, hash, received_ms);

-- What the bytes of a photo say of how it was made (EXIF), as JSON; none when they say nothing.
alter table evidence add column exif text;
