-- Photos and texts of visits, to find those that are alike, and what photos say of themselves.
-- Twin of ../postgres/0004_alike.sql.

-- Photos by the four 16-bit bands of their perceptual hash (`phash`, its 64 bits as a signed number). Two hashes that differ
-- in at most 7 bits share a band but for one bit: every look-up is a few ranges of these indexes. `event` is the hash of the
-- `submitted` event.
create table photos (
  tenant text not null,
  visit text not null,
  event text not null,
  sha256 text not null,
  customer text not null,
  user_id text not null,
  step text not null,
  class text not null,
  business_date text not null,
  received_ms integer not null,
  phash integer not null,
  band_0 integer not null,
  band_1 integer not null,
  band_2 integer not null,
  band_3 integer not null,
  primary key (tenant, visit, event, sha256)
) strict;
create index photos_by_band_0 on photos (tenant, band_0, received_ms);
create index photos_by_band_1 on photos (tenant, band_1, received_ms);
create index photos_by_band_2 on photos (tenant, band_2, received_ms);
create index photos_by_band_3 on photos (tenant, band_3, received_ms);

-- Texts in a rep's own words, by the hash of what they say. They go when the visit is erased: short texts can be guessed.
create table free_texts (
  tenant text not null,
  visit text not null,
  event text not null,
  hash text not null,
  customer text not null,
  user_id text not null,
  business_date text not null,
  received_ms integer not null,
  primary key (tenant, visit, event, hash)
) strict, without rowid;
create index free_texts_by_hash on free_texts (tenant, hash, received_ms);

-- What the bytes of a photo say of how it was made (EXIF), as JSON; none when they say nothing.
alter table evidence add column exif text;
