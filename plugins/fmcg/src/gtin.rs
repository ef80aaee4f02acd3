//! GTIN check digits (GS1 General Specifications, section 7.9).

/// Whether `gtin` is 8, 12, 13 or 14 digits and its last digit checks the others.
pub fn is_valid(gtin: &str) -> bool {
    if !matches!(gtin.len(), 8 | 12 | 13 | 14) || !gtin.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    // From the right the weights are 1 (the check digit itself), 3, 1, 3, …; the sum of a valid GTIN ends in 0.
    let sum: u32 =
        gtin.bytes().rev().zip([1, 3].into_iter().cycle()).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn gtins_of_all_lengths_check() {
        // The worked examples of the GS1 check-digit page, and a common ISBN-13.
        for gtin in ["40170725", "614141007349", "6291041500213", "10614141543219", "9780306406157"] {
            assert!(is_valid(gtin), "{gtin}");
        }
    }

    #[test]
    fn a_changed_or_swapped_digit_a_letter_and_a_wrong_length_do_not() {
        for gtin in ["6291041500214", "6290141500213", "629104150021a", "629104150021", "", "00000"] {
            assert!(!is_valid(gtin), "{gtin}");
        }
    }
}
