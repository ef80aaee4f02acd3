//! Every table, its columns and their types: what a dump holds, and in which order it can be put back.
//!
//! A test compares this with the schema of both databases.

/// The type of a column, alike in both databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// A text, or nothing.
    OptionalText,
    /// A number.
    Int,
    /// A number, or nothing.
    OptionalInt,
    /// True or false.
    Bool,
    /// Bytes; base64 in a dump.
    Bytes,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; those of the key come first, in the order of the key.
    pub columns: &'static [(&'static str, Type)],
    /// How many of them are the key.
    pub key: usize,
    /// How many rows are read at once.
    pub page: u32,
}

const ROWS: u32 = 500;
/// Of rows that may hold megabytes.
const FEW: u32 = 8;

const fn table(name: &'static str, key: usize, page: u32, columns: &'static [(&'static str, Type)]) -> Table {
    Table { name, columns, key, page }
}

use Type::{Bool, Bytes, Int, OptionalInt, OptionalText, Text};

/// All of them; a table stands behind those it refers to.
pub const TABLES: &[Table] = &[
    table(
        "tenants",
        1,
        ROWS,
        &[("tenant", Text), ("name", Text), ("suspended", Bool), ("created_ms", Int), ("secret", Text)],
    ),
    table("counters", 1, ROWS, &[("tenant", Text), ("change_seq", Int)]),
    table("changes", 2, ROWS, &[("tenant", Text), ("change_seq", Int), ("at_ms", Int), ("what", Text)]),
    table(
        "tokens",
        2,
        ROWS,
        &[
            ("tenant", Text),
            ("id", Text),
            ("hash", Text),
            ("user_id", Text),
            ("label", Text),
            ("created_ms", Int),
            ("expires_ms", OptionalInt),
            ("revoked_ms", OptionalInt),
        ],
    ),
    table(
        "commands",
        3,
        ROWS,
        &[
            ("tenant", Text),
            ("actor", Text),
            ("id", Text),
            ("body_hash", Text),
            ("status", Int),
            ("answer", Text),
            ("etag", OptionalText),
            ("at_ms", Int),
        ],
    ),
    table(
        "records",
        4,
        ROWS,
        &[
            ("tenant", Text),
            ("kind", Text),
            ("id", Text),
            ("revision", Int),
            ("newest", Bool),
            ("subject", OptionalText),
            ("org_unit", OptionalText),
            ("from_ms", OptionalInt),
            ("to_ms", OptionalInt),
            ("body", Text),
            ("at_ms", Int),
            ("written_by", Text),
        ],
    ),
    table("org_closure", 3, ROWS, &[("tenant", Text), ("ancestor", Text), ("descendant", Text), ("depth", Int)]),
    table(
        "versions",
        4,
        ROWS,
        &[
            ("tenant", Text),
            ("kind", Text),
            ("name", Text),
            ("version", Text),
            ("published", Bool),
            ("offered", Bool),
            ("revision", Int),
            ("hash", Text),
            ("about", Text),
            ("at_ms", Int),
            ("written_by", Text),
        ],
    ),
    table("objects", 2, FEW, &[("tenant", Text), ("hash", Text), ("bytes", Bytes)]),
    table(
        "tasks",
        2,
        ROWS,
        &[
            ("tenant", Text),
            ("id", Text),
            ("version", Int),
            ("kind", Text),
            ("state", Text),
            ("title_text", Text),
            ("customer", OptionalText),
            ("location", OptionalText),
            ("sop", OptionalText),
            ("purpose", OptionalText),
            ("origin", Text),
            ("plan", OptionalText),
            ("priority", Int),
            ("assignee", OptionalText),
            ("candidate_role", OptionalText),
            ("candidate_unit", OptionalText),
            ("parent", OptionalText),
            ("org_unit", OptionalText),
            ("decision", OptionalText),
            ("validity", OptionalText),
            ("outcome", OptionalText),
            ("overdue", Bool),
            ("business_date", OptionalText),
            ("due_ms", OptionalInt),
            ("planned_from_ms", OptionalInt),
            ("planned_to_ms", OptionalInt),
            ("closes_ms", OptionalInt),
            ("remind_ms", OptionalInt),
            ("created_ms", Int),
            ("body", Text),
        ],
    ),
    table("task_terms", 4, ROWS, &[("tenant", Text), ("term", Text), ("value", Text), ("task", Text)]),
    table("streams", 2, ROWS, &[("tenant", Text), ("stream", Text), ("seq", Int), ("hash", Text)]),
    table("events", 3, ROWS, &[("tenant", Text), ("stream", Text), ("seq", Int), ("hash", Text), ("header", Text)]),
    table(
        "payloads",
        4,
        ROWS,
        &[
            ("tenant", Text),
            ("stream", Text),
            ("seq", Int),
            ("name", Text),
            ("salt", OptionalText),
            ("value", OptionalText),
        ],
    ),
    table(
        "evidence",
        2,
        ROWS,
        &[
            ("tenant", Text),
            ("sha256", Text),
            ("media_type", Text),
            ("size", Int),
            ("width", OptionalInt),
            ("height", OptionalInt),
            ("reported_by", Text),
            ("at_ms", Int),
            ("exif", OptionalText),
        ],
    ),
    table("awaited", 3, ROWS, &[("tenant", Text), ("visit", Text), ("sha256", Text)]),
    table(
        "evidence_uses",
        6,
        ROWS,
        &[
            ("tenant", Text),
            ("sha256", Text),
            ("visit", Text),
            ("step", Text),
            ("class", Text),
            ("seq", Int),
            ("customer", Text),
            ("received_ms", Int),
        ],
    ),
    table("check_ins", 2, ROWS, &[("tenant", Text), ("visit", Text), ("user_id", Text), ("seq", Int), ("at_ms", Int)]),
    table(
        "judged_visits",
        2,
        ROWS,
        &[("tenant", Text), ("visit", Text), ("customer", Text), ("seq", Int), ("at_ms", Int)],
    ),
    table(
        "photos",
        4,
        ROWS,
        &[
            ("tenant", Text),
            ("visit", Text),
            ("event", Text),
            ("sha256", Text),
            ("customer", Text),
            ("user_id", Text),
            ("step", Text),
            ("class", Text),
            ("business_date", Text),
            ("received_ms", Int),
            ("phash", Int),
            ("band_0", Int),
            ("band_1", Int),
            ("band_2", Int),
            ("band_3", Int),
        ],
    ),
    table(
        "free_texts",
        4,
        ROWS,
        &[
            ("tenant", Text),
            ("visit", Text),
            ("event", Text),
            ("hash", Text),
            ("customer", Text),
            ("user_id", Text),
            ("business_date", Text),
            ("received_ms", Int),
        ],
    ),
    table(
        "outputs",
        2,
        ROWS,
        &[
            ("tenant", Text),
            ("id", Text),
            ("type", Text),
            ("visit", Text),
            ("customer", Text),
            ("user_id", Text),
            ("org_unit", OptionalText),
            ("step", Text),
            ("output", Text),
            ("item", Int),
            ("revision", Int),
            ("business_date", Text),
            ("event", Text),
            ("at_ms", Int),
            ("standing", Bool),
            ("fields", OptionalText),
        ],
    ),
    table(
        "ledger_balances",
        3,
        ROWS,
        &[
            ("tenant", Text),
            ("ledger", Text),
            ("account", Text),
            ("version", Int),
            ("balance", Text),
            ("unit", Text),
            ("event", Text),
            ("owner", OptionalText),
            ("org_unit", OptionalText),
            ("at_ms", Int),
        ],
    ),
    table(
        "ledger_entries",
        4,
        ROWS,
        &[
            ("tenant", Text),
            ("ledger", Text),
            ("account", Text),
            ("version", Int),
            ("amount", Text),
            ("balance", Text),
            ("unit", Text),
            ("reverses", Bool),
            ("visit", OptionalText),
            ("step", OptionalText),
            ("user_id", Text),
            ("reason", OptionalText),
            ("event", Text),
            ("owner", OptionalText),
            ("org_unit", OptionalText),
            ("at_ms", Int),
        ],
    ),
    table(
        "outbox",
        2,
        ROWS,
        &[
            ("tenant", Text),
            ("id", Text),
            ("topic", Text),
            ("body", Text),
            ("attempts", Int),
            ("due_ms", Int),
            ("again", Bool),
        ],
    ),
];
