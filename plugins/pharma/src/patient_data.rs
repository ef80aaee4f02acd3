//! What tells a patient apart from others, in free text: identity numbers, telephone numbers, addresses of mail, numbers of
//! records and beds.
//!
//! A net, not a proof: names are not found. Read letter by letter: patterns would cost a long note more than a rule may
//! spend.

/// Words before the number of a record.
const RECORDS: [&str; 7] = ["住院号", "病案号", "病历号", "门诊号", "就诊卡号", "mrn", "medical record"];

/// The kinds of patient data in a text, in a fixed order.
pub fn kinds(text: &str) -> Vec<&'static str> {
    let lower = text.to_lowercase();
    let letters: Vec<char> = lower.chars().collect();
    // Numbers stand alone: neither a digit before nor after.
    let begins = |at: &usize| is_digit(&letters, Some(*at)) && !is_digit(&letters, at.checked_sub(1));
    let any_number = |is_one: fn(&[char], usize) -> Option<usize>| {
        let mut ends = (0..letters.len()).filter(begins).filter_map(|at| is_one(&letters, at));
        ends.any(|end| !is_digit(&letters, Some(end)))
    };
    let found = [
        ("identity_no", has_identity_number(text)),
        ("phone", any_number(phone)),
        ("social_security", any_number(social_security)),
        ("email", has_mail(&letters)),
        ("record_no", RECORDS.iter().any(|word| has_number_after(&lower, word, 8, 4))),
        ("bed_no", has_bed(&lower, &letters)),
    ];
    found.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind).collect()
}

fn is_digit(letters: &[char], at: Option<usize>) -> bool {
    at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit)
}

/// Past `count` digits, if there are so many.
fn digits(letters: &[char], at: usize, count: usize) -> Option<usize> {
    let end = at.checked_add(count)?;
    letters.get(at..end)?.iter().all(char::is_ascii_digit).then_some(end)
}

/// Past one of these letters; where it stands if there is none.
fn maybe(letters: &[char], at: usize, any_of: &[char]) -> usize {
    at + usize::from(letters.get(at).is_some_and(|letter| any_of.contains(letter)))
}

/// A mobile number of China, with or without country code: 3, 4 and 4 digits.
fn phone(letters: &[char], at: usize) -> Option<usize> {
    let with_code = letters.get(at..at + 2) == Some(&['8', '6']);
    let own = if with_code { maybe(letters, at + 2, &['-', ' ']) } else { at };
    let begins = letters.get(own) == Some(&'1') && matches!(letters.get(own + 1), Some('3'..='9'));
    let end = digits(letters, own, 3).filter(|_| begins)?;
    let end = digits(letters, maybe(letters, end, &['-', ' ']), 4)?;
    digits(letters, maybe(letters, end, &['-', ' ']), 4)
}

/// A social security number of the United States: 3, 2 and 4 digits with hyphens.
fn social_security(letters: &[char], at: usize) -> Option<usize> {
    let hyphen = |at: usize| (letters.get(at) == Some(&'-')).then_some(at + 1);
    let end = hyphen(digits(letters, at, 3)?)?;
    let end = hyphen(digits(letters, end, 2)?)?;
    digits(letters, end, 4)
}

/// A letter, an at sign, a domain with a dot and at least two letters.
fn has_mail(letters: &[char]) -> bool {
    let ats = letters.iter().enumerate().filter(|(_, letter)| **letter == '@').map(|(at, _)| at);
    ats.into_iter().any(|at| {
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).is_some_and(char::is_ascii_alphanumeric);
        let domain: String = letters
            .iter()
            .skip(at + 1)
            .take_while(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.'))
            .collect();
        let top = domain.trim_end_matches('.').rsplit_once('.').map(|(_, top)| top);
        before && top.is_some_and(|top| top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()))
    })
}

/// Whether at least `count` digits follow a word, at most `gap` other letters after it.
fn has_number_after(lower: &str, word: &str, gap: usize, count: usize) -> bool {
    lower.match_indices(word).any(|(at, found)| {
        // A Latin word is one only where no letter joins it.
        let joins =
            lower.get(..at).and_then(|before| before.chars().next_back()).is_some_and(|it| it.is_ascii_alphanumeric());
        let after: Vec<char> = lower.get(at + found.len()..).unwrap_or_default().chars().take(gap + count).collect();
        let begins = after.iter().take(gap + 1).position(char::is_ascii_digit);
        !(joins && word.is_ascii()) && begins.is_some_and(|begins| digits(&after, begins, count).is_some())
    })
}

/// `12床`, `12 号床`, `床号 12`, `bed 12`, `bed no. 12`; but not `300 床位`, which a hospital has.
fn has_bed(lower: &str, letters: &[char]) -> bool {
    let beds = letters.iter().enumerate().filter(|(_, letter)| **letter == '床').map(|(at, _)| at);
    let numbered = beds.into_iter().any(|at| {
        let mut before = letters.get(..at).unwrap_or_default().iter().rev().skip_while(|it| matches!(it, '号' | ' '));
        letters.get(at + 1) != Some(&'位') && before.next().is_some_and(char::is_ascii_digit)
    });
    numbered
        || has_number_after(lower, "床号", 3, 1)
        || ["bed ", "bed no. "].iter().any(|bed| has_number_after(lower, bed, 0, 1))
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
    fn what_tells_a_patient_apart_is_found() {
        check("身份证 11010519491231002X。", &["identity_no"]);
        check("家属电话13812345678，晚上联系", &["phone"]);
        check("call +86 138-1234-5678", &["phone"]);
        check("SSN 078-05-1120", &["social_security"]);
        check("wang@example.com", &["email"]);
        check("住院号：00238817", &["record_no"]);
        check("12床患者", &["bed_no"]);
        check("床号：7", &["bed_no"]);
        check("bed 12, MRN 4471023", &["record_no", "bed_no"]);
        check("Bed no. 3", &["bed_no"]);
        check("8613812345678", &["phone"]);
    }

    #[test]
    fn what_does_not_is_left_alone() {
        check("", &[]);
        check("对 3 期研究的 512 例数据感兴趣，随访 18 个月。", &[]);
        check("110105194912310021", &[]);
        check("批号 20260318001，10 mg 每日 1 次", &[]);
        check("2026-03-18 10:30", &[]);
        check("embed 3 slides; the ward has 300 床位", &[]);
        check("订单 113812345678，病历号待查", &[]);
        check("@ 14:00, see www.example.com", &[]);
    }
}
