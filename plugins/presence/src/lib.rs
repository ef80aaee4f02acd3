//! First-party plugin: presence.
