//! Text that wants to be markup: wherever a person or a partner can write, it stays text.

use super::*;

const EVIL: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&\u{202e}";

/// Makes every text of a document evil.
fn poison(value: &mut Value) {
    match value {
        Value::Object(members) if members.contains_key("en") => {
            members.values_mut().for_each(|text| *text = EVIL.into());
        }
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "title" || name == "x-unit" => *text = EVIL.to_owned(),
                    member => poison(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(poison),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn nothing_anybody_writes_becomes_markup() {
    let mut document = document();
    poison(&mut document);
    // A member that no schema names, and a repeated step whose instances have any name.
    let mut answers = answers();
    for name in ["foreman", EVIL] {
        answers[name] = EVIL.into();
    }
    answers["remarks"] = json!([EVIL, {EVIL: [EVIL]}]);
    answers["rooms"][0]["room"] = EVIL.into();
    answers["rooms"][0][EVIL] = EVIL.into();
    document["steps"][1]["form"]["schema"]["properties"]["remarks"] = json!({"type": "array"});
    let sop = sop(document);
    let mut records = full(point());
    records[0]["name"] = EVIL.into();
    records[1]["body"]["purpose"] = EVIL.into();
    let survey = records.iter_mut().find(|record| record["id"] == "cmd_300-submit").unwrap();
    survey["body"]["answers"] = answers;
    survey["body"]["absent"] = json!({"/rooms/0/damp": {"code": "unknown", "reason": EVIL}});
    for record in &mut records {
        if record["body"]["instance"] == "kitchen" {
            record["body"]["instance"] = EVIL.into();
        }
        if record["body"]["step"] == "arrive" {
            record["body"]["position"]["provider"] = EVIL.into();
        }
    }
    let visit = visit(&sop, &records);
    assert!(visit.steps.contains_key(&format!("room[{EVIL}]")), "{:?}", visit.steps.keys());

    let photos = BTreeMap::from([
        (SHA[0].to_owned(), Photo { media_type: EVIL.to_owned(), thumbnail: Vec::new() }),
        (SHA[1].to_owned(), Photo { media_type: "image/svg+xml".to_owned(), thumbnail: EVIL.into() }),
    ]);
    let names = BTreeMap::from([("r-17".to_owned(), EVIL.to_owned())]);
    let comments = [Comment { user: EVIL.to_owned(), at_ms: 0, text: EVIL.to_owned() }];
    for (personal, language) in [(false, "en"), (true, "zh-CN"), (true, EVIL)] {
        let report = Report {
            tenant: EVIL,
            sop: &sop,
            visit: &visit,
            rep: EVIL,
            names: &names,
            photos: &photos,
            comments: &comments,
            personal,
            made_at_ms: i64::MAX,
            tip: EVIL,
        };
        let html = page(&report, language);
        assert_well_formed(&html);
        assert_has_not(&html, &["<script", "<img", "\u{202e}", "svg+xml;"]);
        assert!(html.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;").count() > 60);
    }
}

#[test]
fn the_page_forbids_itself_to_load_or_run_anything() {
    let sop = sop(document());
    let html = render(&sop, &visit(&sop, &full(point())), true, "en");
    assert!(html.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;;"));
    assert_has_not(&html, &["http://", "https://", "url(", "@import", "javascript:"]);
}
