-- Signatures stand beside photos, by the shape of their strokes: `signer` is who gave one, as far as it says so. It goes when the
-- visit is erased. Twin of ../postgres/0009_signers.sql.
alter table photos add column signer text;
