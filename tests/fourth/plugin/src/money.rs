//! Amounts in yuan and fen as whole fen: decimal strings in, decimal strings out, never a float.

/// `12.50` as 1250; none for anything else.
pub fn parse(text: &str) -> Option<i64> {
    let (yuan, fen) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || fen.len() != 2 || !digits(yuan) || !digits(fen) {
        return None;
    }
    yuan.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fen.parse().ok()?)
}

/// 1250 as `12.50`.
pub fn text(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        assert_eq!(parse("153200.50"), Some(15_320_050));
        assert_eq!(parse("0.05").map(text).as_deref(), Some("0.05"));
        assert_eq!(text(-10_000), "-100.00");
        for wrong in ["1", "1.5", "-1.00", ".50", "1.005", "99999999999999999999.00", "1,000.00", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
