//! `texts.json` and the code agree: every key the code names is there, and every key that is there is named.

use super::super::words;
use std::collections::BTreeSet;

/// Keys that are put together from a part that is data.
const FAMILIES: [&str; 9] =
    ["weekday.", "label.", "source.", "reason.", "failure.", "state.", "verb.", "task.", "role."];
/// Keys of the engine's own sentences.
const OF_THE_ENGINE: [&str; 2] = ["explain.not_judged", "explain.nothing_found"];

const CODE: [&str; 12] = [
    include_str!("../answers.rs"),
    include_str!("../follow.rs"),
    include_str!("../head.rs"),
    include_str!("../map.rs"),
    include_str!("../photos.rs"),
    include_str!("../plain.rs"),
    include_str!("../proof.rs"),
    include_str!("../score.rs"),
    include_str!("../timeline.rs"),
    include_str!("../when.rs"),
    include_str!("../why.rs"),
    include_str!("../words.rs"),
];

/// Constant strings in the code that look like keys.
fn named() -> BTreeSet<&'static str> {
    let is_key = |text: &&str| {
        text.split_once('.').is_some_and(|(family, rest)| {
            let plain = |part: &str| {
                !part.is_empty()
                    && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            };
            family.starts_with(|first: char| first.is_ascii_lowercase()) && plain(family) && plain(rest)
        })
    };
    let code = CODE.iter().map(|file| file.split("#[cfg(test)]").next().unwrap_or(file));
    code.flat_map(|file| file.split('"').skip(1).step_by(2)).filter(is_key).collect()
}

#[test]
fn keys_and_texts_agree() {
    let (named, known) = (named(), words::keys());
    let missing: Vec<_> = named
        .iter()
        .filter(|key| !known.contains(**key) && !OF_THE_ENGINE.contains(key) && **key != "texts.json")
        .collect();
    assert!(missing.is_empty(), "not in texts.json: {missing:?}");
    let in_family = |key: &str| FAMILIES.iter().any(|family| key.starts_with(family));
    let idle: Vec<_> = known
        .iter()
        .filter(|key| !named.contains(**key) && !in_family(key))
        .filter(|key| !["page.title", "list.separator", "date"].contains(key))
        .collect();
    assert!(idle.is_empty(), "nobody says: {idle:?}");
}

#[test]
fn every_reason_and_failure_of_the_engine_has_words() {
    use engine::place::FenceReason as Reason;
    use engine::rule::FailureCode as Code;
    let reasons = [
        Reason::FenceInvalid,
        Reason::NoLocation,
        Reason::LocationCrsUnknown,
        Reason::LocationInvalid,
        Reason::NoFix,
        Reason::CrsUnknown,
        Reason::PositionInvalid,
        Reason::AccuracyUnknown,
        Reason::Inaccurate,
        Reason::AgeUnknown,
        Reason::TooOld,
    ];
    let failures = [
        Code::Declared,
        Code::Trap,
        Code::OutOfFuel,
        Code::Deadline,
        Code::Limit,
        Code::OutputTooLarge,
        Code::MalformedOutput,
        Code::Undecided,
        Code::NoSuchRule,
        Code::NoSuchPlugin,
    ];
    let named = |family: &str, code: serde_json::Value| format!("{family}.{}", code.as_str().unwrap());
    let reasons = reasons.iter().map(|reason| named("reason", serde_json::to_value(reason).unwrap()));
    let failures = failures.iter().map(|code| named("failure", serde_json::to_value(code).unwrap()));
    for key in reasons.chain(failures) {
        assert!(words::keys().contains(key.as_str()), "{key}");
    }
}
