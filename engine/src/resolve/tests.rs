//! Which assignment wins, and what the others are told.
