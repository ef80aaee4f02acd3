//! The shape of a signature's strokes as 64 bits: alike for strokes that are alike, wherever on the screen, however large and
//! however fast they were drawn.
//!
//! The way of the pen is cut into 32 parts of equal length, and each says whether it goes right and whether it goes down: two
//! bits. Strokes that were recorded and played back, moved, scaled or slightly bent keep all of them or lose one; one person who
//! signs twice differs in some, two people in a third or more. Whole numbers only, so that every machine says the same. What
//! is made of two shapes that are alike is not decided here (`alike.rs`, rules).

/// Points of one stroke in the order they were drawn, in pixels of the screen: right and down.
pub type Stroke = Vec<[i32; 2]>;

/// Parts the way is cut into.
const PARTS: i128 = 32;
/// Fewer points are a dot or a line, not a signature.
const MIN_POINTS: usize = 8;
/// Lengths are in 1/1024 pixel.
const FINE: i128 = 1024;

/// The shape of a signature, the first part in the highest bits. None when there is too little of it: fewer than 8 points or no
/// way between them.
#[must_use]
pub fn shape(strokes: &[Stroke]) -> Option<u64> {
    if strokes.iter().map(Vec::len).sum::<usize>() < MIN_POINTS {
        return None;
    }
    let lines: Vec<([i128; 2], [i128; 2], i128)> = strokes
        .iter()
        .flat_map(|stroke| stroke.windows(2))
        .filter_map(|ends| match ends {
            [from, to] => Some((fine(*from), fine(*to))),
            _ => None,
        })
        .map(|(from, to)| (from, to, length(from, to)))
        .filter(|(_, _, length)| *length > 0)
        .collect();
    let whole: i128 = lines.iter().map(|(_, _, length)| length).sum();
    let (first, last) = (lines.first()?.0, lines.last()?.1);
    let mut bits = 0_u64;
    let mut before = first;
    let mut gone = 0;
    let mut rest = lines.iter();
    let mut line = rest.next()?;
    for part in 1..=PARTS {
        let until = whole * part / PARTS;
        while gone + line.2 < until {
            gone += line.2;
            line = rest.next()?;
        }
        let point = if part == PARTS { last } else { along(line, until - gone) };
        let [right, down] = [point[0] >= before[0], point[1] >= before[1]];
        bits = bits << 2 | u64::from(right) << 1 | u64::from(down);
        before = point;
    }
    Some(bits)
}

/// A shape as evidence carries it: 16 hex digits.
#[must_use]
pub fn shape_hex(strokes: &[Stroke]) -> Option<String> {
    shape(strokes).map(|bits| format!("{bits:016x}"))
}

fn fine([x, y]: [i32; 2]) -> [i128; 2] {
    [i128::from(x) * FINE, i128::from(y) * FINE]
}

fn length(from: [i128; 2], to: [i128; 2]) -> i128 {
    let [x, y] = [to[0] - from[0], to[1] - from[1]];
    (x * x + y * y).isqrt()
}

/// The point so far along a line.
const fn along(line: &([i128; 2], [i128; 2], i128), far: i128) -> [i128; 2] {
    let (from, to, length) = line;
    [from[0] + (to[0] - from[0]) * far / *length, from[1] + (to[1] - from[1]) * far / *length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A hand that draws loops of its own size, lean and direction; `tremble` is what differs from one time to the next.
    fn signed(hand: [i32; 3], tremble: i32) -> Vec<Stroke> {
        let wave = |t: i32, of: i32| ((f64::from(t) / 7.0 + f64::from(of)).sin() * 40.0).round() as i32;
        let point = |t: i32| {
            let shaken = (t * 7919 + tremble * 104_729) % 5 - 2;
            let shaken = if tremble == 0 { 0 } else { shaken };
            let x = t * 4 + wave(t * (1 + hand[0] % 3), hand[1]) + shaken;
            [x, wave(t * (1 + hand[2] % 4), hand[0]) + wave(t, hand[2]) - shaken]
        };
        vec![(0..30).map(point).collect(), (34..80).map(point).collect()]
    }

    #[test]
    fn too_little_has_no_shape() {
        assert_eq!(shape(&[]), None);
        assert_eq!(shape(&[vec![[1, 1]; 20]]), None);
        assert_eq!(shape(&[vec![[0, 0], [9, 9]]]), None);
    }

    #[test]
    fn a_way_to_the_right_and_back_up() {
        let there: Stroke = (0..10).map(|x| [x * 10, x]).collect();
        let back: Stroke = (0..10).map(|x| [90 - x * 10, 9 - x]).collect();
        assert_eq!(shape_hex(&[there, back]).as_deref(), Some("ffffffff00000000"));
    }

    #[test]
    fn a_phone_asks_the_door_for_it() {
        let there: Stroke = (0..10).map(|x| [x * 10, x]).collect();
        let request = serde_json::json!({"ask": "signature_shape", "strokes": [there]}).to_string();
        assert_eq!(crate::door::respond(request.as_bytes()), br#"{"shape":"ffffffffffffffff"}"#);
        assert_eq!(crate::door::respond(br#"{"ask":"signature_shape","strokes":[]}"#), br#"{"shape":null}"#);
    }

    #[test]
    fn strokes_played_back_keep_their_shape_and_hands_differ() {
        let hands = [[1, 2, 3], [4, 9, 2], [7, 5, 6], [2, 14, 9]].map(|hand| shape(&signed(hand, 0)).unwrap());
        for (number, one) in hands.iter().enumerate() {
            for other in &hands[number + 1..] {
                assert!((one ^ other).count_ones() >= 12, "{one:016x} {other:016x}");
            }
        }
    }

    proptest! {
        /// Moved anywhere, drawn twice as large or with a pixel of noise in one point: at most one part is another.
        #[test]
        fn moved_and_scaled_strokes_are_the_same(hand: [u8; 3], by: [i16; 2], scale in 1_i32..5) {
            let strokes = signed(hand.map(i32::from), 0);
            let moved = |[x, y]: [i32; 2]| [x * scale + i32::from(by[0]), y * scale + i32::from(by[1])];
            let copy: Vec<Stroke> = strokes.iter().map(|stroke| stroke.iter().copied().map(moved).collect()).collect();
            let differ = (shape(&strokes).unwrap() ^ shape(&copy).unwrap()).count_ones();
            prop_assert!(differ <= 1, "{differ}");
        }

        #[test]
        fn nothing_is_too_far(strokes in prop::collection::vec(prop::collection::vec(any::<[i32; 2]>(), 0..40), 0..6)) {
            let _: Option<u64> = shape(&strokes);
        }
    }
}
