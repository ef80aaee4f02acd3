//! Fraud signals in answers: those of the last visit, all the same, round, word for word those of other customers, given faster
//! than one can look, and too good beside those of everybody else. One file per rule, one case file per rule in `cases/`; how answers are taken apart is in `leaves.rs`.
//!
//! Bound to a step, a rule looks at its submission; bound to the visit, at every accepted one. Each rule gives at most one
//! finding per code and call. People and places repeat themselves honestly: every rule says what it leaves alone, and has a case
//! for it. What must not live here: what a signal does to the visit; that is the SOP's.

mod copy_of_previous;
mod digit_heaping;
mod identical_notes;
mod leaves;
mod outstanding_scores;
mod straight_lining;
mod too_fast;

sopwith_sdk::export_plugin! {
    name: "answers",
    title: { "en": "Answer patterns", "zh-CN": "答案规律" },
    rules: [
        copy_of_previous::CopyOfPrevious,
        straight_lining::StraightLining,
        digit_heaping::DigitHeaping,
        identical_notes::IdenticalNotes,
        too_fast::TooFast,
        outstanding_scores::OutstandingScores,
    ],
}

#[cfg(test)]
mod tests;
