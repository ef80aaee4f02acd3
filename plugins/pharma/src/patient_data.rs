//! What tells a patient apart from others, in free text: identity numbers, telephone numbers, addresses of mail, numbers of
//! records and beds.
//!
//! A net, not a proof: names are not found.

use regex_lite::Regex;

/// What can be found, and how. Numbers stand alone: neither a digit before nor after.
const PATTERNS: [(&str, &str); 5] = [
    ("phone", r"(^|[^0-9])(\+?86[- ]?)?1[3-9][0-9]([- ]?[0-9]{4}){2}([^0-9]|$)"),
    ("social_security", r"(^|[^0-9])[0-9]{3}-[0-9]{2}-[0-9]{4}([^0-9]|$)"),
    ("email", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"),
    ("record_no", r"(?i)(住院号|病案号|病历号|门诊号|就诊卡号|\bMRN\b|medical record)[^0-9]{0,8}[0-9]{4,}"),
    ("bed_no", r"(?i)([0-9]{1,3} ?(号)?床|床号[^0-9]{0,3}[0-9]{1,3}|\bbed (no\.? ?)?[0-9]{1,3})"),
];

/// The kinds of patient data in a text, in a fixed order. Patterns are constants; one that did not compile would find nothing,
/// which a test rules out.
pub fn kinds(text: &str) -> Vec<&'static str> {
    let by_number = has_identity_number(text).then_some("identity_no");
    let by_pattern = PATTERNS.into_iter().filter(|(_, pattern)| Regex::new(pattern).is_ok_and(|it| it.is_match(text)));
    by_number.into_iter().chain(by_pattern.map(|(kind, _)| kind)).collect()
}

/// A resident identity number of China (GB 11643): 17 digits and a check character by ISO 7064 MOD 11-2.
fn has_identity_number(text: &str) -> bool {
    let runs = text.split(|letter: char| !letter.is_ascii_digit() && !matches!(letter, 'x' | 'X'));
    runs.filter(|run| run.len() == 18).any(is_identity_number)
}

fn is_identity_number(number: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let digits: Option<Vec<u32>> = number.chars().take(17).map(|digit| digit.to_digit(10)).collect();
    let Some(digits) = digits else { return false };
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let check = usize::try_from(sum % 11).ok().and_then(|at| CHECK.get(at));
    number.chars().nth(17).map(|last| last.to_ascii_uppercase()).as_ref() == check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, found: &[&str]) {
        assert_eq!(kinds(text), found, "{text}");
    }

    #[test]
    fn every_pattern_compiles() {
        for (kind, pattern) in PATTERNS {
            assert!(Regex::new(pattern).is_ok(), "{kind}");
        }
    }

    #[test]
    fn what_tells_a_patient_apart_is_found() {
        check("身份证 11010519491231002X。", &["identity_no"]);
        check("家属电话13812345678，晚上联系", &["phone"]);
        check("call +86 138-1234-5678", &["phone"]);
        check("SSN 078-05-1120", &["social_security"]);
        check("wang@example.com", &["email"]);
        check("住院号：00238817", &["record_no"]);
        check("12床患者", &["bed_no"]);
        check("bed 12, MRN 4471023", &["record_no", "bed_no"]);
    }

    #[test]
    fn what_does_not_is_left_alone() {
        check("", &[]);
        check("对 3 期研究的 512 例数据感兴趣，随访 18 个月。", &[]);
        check("110105194912310021", &[]);
        check("批号 20260318001，10 mg 每日 1 次", &[]);
        check("2026-03-18 10:30", &[]);
        check("embed 3 slides", &[]);
    }
}
