//! Good and bad files (`cases.json`), and that a file gives the same dataset as the same rows in JSON.

use super::*;
use encoding_rs::GB18030;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Lines of the file.
    csv: Vec<String>,
    /// Written in GBK from that line on, from 0.
    #[serde(default)]
    gbk_from: Option<usize>,
    #[serde(default)]
    rows: Vec<Value>,
    /// Row, column and code.
    #[serde(default)]
    faults: Vec<(u64, String, String)>,
}

#[derive(Deserialize)]
struct Cases {
    declaration: Value,
    cases: Vec<Case>,
}

fn head() -> Head {
    let date = |text: &str| Some(text.to_owned());
    Head {
        dataset: "prices".into(),
        version: "2026-03".into(),
        valid_from: date("2026-03-01"),
        valid_to: date("2026-03-31"),
    }
}

fn bytes(case: &Case) -> Vec<u8> {
    let lines = case.csv.iter().enumerate().flat_map(|(line, text)| {
        let in_gbk = case.gbk_from.is_some_and(|from| line >= from);
        let text = format!("{text}\r\n");
        if in_gbk { GB18030.encode(&text).0.into_owned() } else { text.into_bytes() }
    });
    lines.collect()
}

#[test]
fn files_give_rows_or_name_what_is_wrong() {
    let cases: Cases = serde_json::from_str(include_str!("cases.json")).expect("cases.json");
    let declaration = DatasetDeclaration::deserialize(&cases.declaration).expect("a declaration");
    let declared = json!({"prices": cases.declaration});
    for case in &cases.cases {
        let check = Check::of([("shop 1.0.0".to_owned(), &declaration)]).expect("a schema");
        match from_csv(&head(), &bytes(case), None, &declaration, check) {
            Err(faults) => {
                for fault in &faults {
                    let detail = fault.violation().detail;
                    for language in engine::text::LANGUAGES {
                        let text = detail.get(language).unwrap_or_default();
                        assert!(text.contains(&fault.row.to_string()) && !text.contains('{'), "{}: {text}", case.name);
                    }
                }
                let found: Vec<(u64, String, String)> =
                    faults.into_iter().map(|fault| (fault.row, fault.column, fault.code.to_owned())).collect();
                assert_eq!(found, case.faults, "{}", case.name);
            }
            Ok((bytes, count, _)) => {
                assert_eq!(case.faults, [], "{}", case.name);
                let value = json!({"dataset": "prices", "version": "2026-03", "valid_from": "2026-03-01",
                    "valid_to": "2026-03-31", "rows": case.rows});
                assert_eq!(
                    String::from_utf8(bytes.clone()),
                    String::from_utf8(canon::jcs(&value).unwrap()),
                    "{}",
                    case.name
                );
                assert_eq!(count, case.rows.len());
                let loaded = LoadedDataset::read(bytes, declared.as_object().unwrap()).expect(&case.name);
                assert_eq!((loaded.name.as_str(), loaded.value().unwrap()), ("prices", value));
            }
        }
    }
}

#[test]
fn rows_are_found_by_key_and_listed_in_order() {
    let declared = json!({"parts": {"title": {"en": "Parts"}, "key": "code",
        "schema": {"type": "object", "properties": {"code": {"type": "string"}, "n": {"type": "number"}}}}});
    let rows = json!([{"code": "b\"1", "n": 1.50}, {"code": "a"}, {"code": "c", "n": 3}]);
    let value = json!({"dataset": "parts", "version": "1", "rows": rows});
    let loaded = of_value(&value, declared.as_object().unwrap()).expect("a dataset");
    assert_eq!(loaded.pin.hash, canon::hash_value(&value).unwrap());
    let (text, hash) = loaded.row("b\"1").expect("a row");
    assert_eq!((text, hash), (r#"{"code":"b\"1","n":1.5}"#, canon::sha256_hex(text.as_bytes())));
    assert_eq!(loaded.row("d"), None);
    let keys = |after| loaded.rows_after(after).map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(keys(None), ["a", "b\"1", "c"]);
    assert_eq!(keys(Some("a")), ["b\"1", "c"]);
    let refused = |rows: Value| {
        let value = json!({"dataset": "parts", "version": "1", "rows": rows});
        of_value(&value, declared.as_object().unwrap()).err().expect("refused").to_string()
    };
    assert!(refused(json!([{"code": "a"}, {"code": "a"}])).starts_with("/rows/1/code: "));
    assert!(refused(json!([{"n": 1}])).starts_with("/rows/0/code: "));
}

#[test]
fn many_faults_are_named_up_to_a_bound() {
    let cases: Cases = serde_json::from_str(include_str!("cases.json")).expect("cases.json");
    let declaration = DatasetDeclaration::deserialize(&cases.declaration).expect("a declaration");
    let check = Check::of([(String::new(), &declaration)]).expect("a schema");
    let file = "item,price\n".to_owned() + &"a,x\n".repeat(1000);
    let faults = from_csv(&head(), file.as_bytes(), None, &declaration, check).expect_err("faults");
    assert_eq!((faults.len(), faults[0].row), (MAX_FAULTS, 2));
}
