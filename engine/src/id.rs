//! Ids: a prefix that says what is meant, `_`, and 1 to 60 of `0-9 a-z -`. Made outside (UUIDv7 in production, readable
//! ones in recorded data); here they are only checked.

/// Whether `text` is `prefix`, `_`, and 1 to 60 of `0-9 a-z -`.
#[must_use]
pub fn check_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| {
        (1..=60).contains(&rest.len()) && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_prefix_underscore_and_plain_characters() {
        assert!(check_id("usr", "usr_chen"));
        assert!(check_id("tsk", "tsk_0190f3a4-7c1e-7b6a-8f00-0123456789ab"));
        assert!(check_id("cmd", &format!("cmd_{}", "a".repeat(60))));
        let long = format!("cmd_{}", "a".repeat(61));
        for wrong in ["", "cmd", "cmd_", "cmda", "usr_a", "cmd_A", "cmd_a_b", "cmd_é", "cmd_a ", " cmd_a", &long] {
            assert!(!check_id("cmd", wrong), "{wrong}");
        }
    }
}
