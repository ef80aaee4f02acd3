//! RFC 8785 vectors, and the ways a hash could silently come out differently.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn text(value: &Value) -> String {
    String::from_utf8(jcs(value).unwrap()).unwrap()
}

/// RFC 8785, section 3.2.2 and 3.2.4.
#[test]
fn the_example_of_the_rfc_comes_out_byte_for_byte() {
    let value: Value = serde_json::from_str(
        r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
    )
    .unwrap();
    let expected = "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e\
        333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e\
        4127425c225c5c5c5c5c222f227d";
    assert_eq!(hex(&jcs(&value).unwrap()), expected.replace(' ', ""));
}

/// RFC 8785, section 3.2.3: names are sorted by UTF-16 code units, not by code points.
#[test]
fn names_are_sorted_by_utf_16_units() {
    let value = json!({"\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis"});
    let canonical = text(&value);
    let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    let places: Vec<_> = order.iter().map(|name| canonical.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{canonical}");
}

/// RFC 8785, appendix B, by the bits of the double.
#[test]
fn numbers_are_spelled_as_in_the_rfc() {
    let vectors: [(u64, &str); 22] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];
    for (bits, expected) in vectors {
        assert_eq!(text(&json!(f64::from_bits(bits))), expected, "{bits:016x}");
    }
}

/// With `arbitrary_precision` a number would keep its spelling, and Value equality, CEL and schemas would see it.
#[test]
fn numbers_keep_no_spelling_of_their_own() {
    let value: Value = serde_json::from_str("[1.10, 1E2, 1.0]").unwrap();
    assert_eq!(value.to_string(), "[1.1,100.0,1.0]");
    assert_eq!(value, json!([1.1, 100.0, 1.0]));
    assert!(serde_json::from_str::<Value>("1e400").is_err());
    let hash = hash_value(&json!({"b": value, "a": "é"})).unwrap();
    // sha256sum of {"a":"é","b":[1.1,100,1]}
    assert_eq!(hash, "c0b8380d95b489f30845c2c8e8fe7286448bae5b9624a2064a4cd02b4746edbd");
}

#[test]
fn an_integer_that_is_no_double_is_refused_where_it_stands() {
    let value = json!({"a/b": [0, {"~": 9_007_199_254_740_993_u64}]});
    let number = "9007199254740993".to_owned();
    assert_eq!(jcs(&value), Err(CanonError::Number { pointer: "/a~1b/1/~0".into(), number }));
    assert!(jcs(&json!(i64::MAX)).is_err());
    assert!(jcs(&json!(u64::MAX)).is_err());
    assert_eq!(text(&json!(-9_007_199_254_740_992_i64)), "-9007199254740992");
    // A double too, but it would read back under its shortest spelling.
    assert!(jcs(&json!(i64::MIN)).is_err());
    assert_eq!(text(&json!(-9_223_372_036_854_775_808.0)), "-9223372036854776000");
}

#[test]
fn nesting_is_bounded() {
    let nest = |depth: u32| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert!(jcs(&nest(DEPTH_MAX)).is_ok());
    assert_eq!(jcs(&nest(DEPTH_MAX + 1)), Err(CanonError::Depth));
}

#[test]
fn normalizing_gives_what_will_be_read_back() {
    assert_eq!(
        normalize(json!({"x": 1.0, "y": -0.0, "z": 1e17})).unwrap(),
        json!({"x": 1, "y": 0, "z": 100_000_000_000_000_000_u64})
    );
    assert_eq!(value_of(&(2.0_f64, "a")).unwrap(), json!([2, "a"]));
}

#[test]
fn hex_has_one_spelling() {
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(sha256(&[b"a", b"", b"bc"]), sha256(&[b"abc"]));
    assert_eq!(unhex::<2>("0aff"), Some([10, 255]));
    for wrong in ["0aFf", "0af", "0aff0", "0affff", "0a f", "", "０a"] {
        assert_eq!(unhex::<2>(wrong), None, "{wrong}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What serde can give a serializer beside JSON values.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Unit,
    One(Value),
    Two(String, f64),
    Named { zeta: Value, alpha: Option<String>, number: f64, byte: u8 },
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Tagged {
    Named { zeta: Value, alpha: String, number: f64 },
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Unit),
        any_json().prop_map(Shape::One),
        (any::<String>(), any::<f64>()).prop_map(|(text, number)| Shape::Two(text, number)),
        (any_json(), any::<Option<String>>(), any::<f64>(), any::<u8>())
            .prop_map(|(zeta, alpha, number, byte)| Shape::Named { zeta, alpha, number, byte }),
    ]
}

proptest! {
    #[test]
    fn the_bytes_are_those_of_the_crate(value in any_json()) {
        if let Ok(bytes) = jcs(&value) {
            prop_assert_eq!(Ok(bytes), serde_json_canonicalizer::to_vec(&value).map_err(|error| error.to_string()));
            let through_text = serde_json::from_slice::<Value>(&jcs(&value).unwrap()).unwrap();
            prop_assert_eq!(normalize(value), Ok(through_text));
        } else {
            let refused = jcs(&value).map(|_| Value::Null);
            prop_assert_eq!(normalize(value), refused);
        }
    }

    #[test]
    fn types_are_written_as_their_values(shape in shapes()) {
        let value = serde_json::to_value(&shape).unwrap();
        prop_assert_eq!(CanonicalJson::of(&shape).map(|text| text.0.into_bytes()).ok(), jcs(&value).ok());
    }

    #[test]
    fn members_are_the_parts_of_the_whole(zeta in any_json(), alpha in any::<String>(), number in any::<f64>()) {
        let tagged = Tagged::Named { zeta, alpha, number };
        let value = serde_json::to_value(&tagged).unwrap();
        let parts = members(&tagged).map(|parts| parts.into_iter().map(|(name, part)| (name, part.value())).collect());
        prop_assert_eq!(parts.map(Value::Object), normalize(value));
    }

    /// Canonical bytes are the canonical bytes of what they say.
    #[test]
    fn canonical_bytes_read_back_to_themselves(value in any_json()) {
        if let Ok(bytes) = jcs(&value) {
            let back: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(jcs(&back), Ok(bytes));
        }
    }

    #[test]
    fn every_double_has_a_canonical_form(double in any::<f64>()) {
        prop_assert!(jcs(&json!(double)).is_ok());
    }

    #[test]
    fn hex_reads_back(bytes in any::<[u8; 16]>()) {
        prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
    }
}
