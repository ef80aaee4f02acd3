//! First-party plugin: fmcg.
