//! Who may do what to a task, and what becomes of it.
