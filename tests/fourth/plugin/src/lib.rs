//! Rules of a bank's branch inspection: cash against the books, and the parts of the inspection score.
//!
//! `answers.rs` fixes the answers of each step; case files are in `cases/`. What must not live here: effects, weights of
//! the score tree, caps; they are the SOP's.

mod answers;
mod branch;
mod cash;

sopwith_sdk::export_plugin! {
    name: "bank",
    title: { "en": "Branch inspection of a bank", "zh-CN": "银行网点检查" },
    rules: [cash::Cash, branch::Branch],
}

#[cfg(test)]
mod tests;
