//! A small plugin with rules of several kinds, its case files, and what the case files must catch.

use crate::testing::check_cases;
use crate::{
    About, Answer, Assess, Availability, Context, Finding, Findings, Input, Interface, Level, Need, Plugin as _, Rule,
    RuleError, Score, Scorecard, Validate, native, ratio, texts,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Config of `stairs`.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Stairs {
    /// Most steps a staircase may have.
    most: u32,
}

impl Default for Stairs {
    fn default() -> Self {
        Self { most: 20 }
    }
}

#[derive(Deserialize)]
struct Answers {
    steps: u32,
}

impl Rule for Stairs {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "stairs",
        title: texts! { "en": "Stairs", "zh-CN": "楼梯" },
        description: texts! { "en": "Counts the steps.", "zh-CN": "检查台阶数量。" },
        codes: &[("stairs.too_many", texts! { "en": "{steps} are too many", "zh-CN": "{steps} 级过多" })],
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: Answers = input.submission()?.answers_as()?;
        let finding = Finding::error("stairs.too_many").at("/steps").with("steps", answers.steps).weight(10);
        Ok((answers.steps > self.most).then_some(finding).into_iter().collect())
    }
}

#[derive(Deserialize, JsonSchema)]
struct Doors {}

#[derive(Deserialize)]
struct Floor {
    doors: u32,
}

impl Rule for Doors {
    type Kind = Score;
    const ABOUT: About = About {
        id: "doors",
        title: texts! { "en": "Doors", "zh-CN": "门" },
        description: texts! { "en": "Open doors.", "zh-CN": "开着的门。" },
        needs: &[(Need::Steps, Availability::Device)],
        datasets: &["floors"],
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Scorecard, RuleError> {
        let Some(floor) = context.lookup::<Floor>("floors", "3")? else {
            context.log(Level::Debug, "no such floor");
            return Ok(Scorecard::new().part("doors", None, Value::Null));
        };
        let open = input.parameters.get("open").and_then(Value::as_f64).unwrap_or_default();
        let detail = json!({ "open": open, "doors": floor.doors });
        Ok(Scorecard::new().part("doors", ratio(open, floor.doors.into()), detail).mark("ajar").mark("ajar"))
    }
}

crate::export_plugin! {
    name: "house",
    title: { "en": "House", "zh-CN": "家" },
    rules: [Stairs, Doors],
}

#[test]
fn good_case_files_pass() {
    let checked = check_cases::<Plugin>("fixtures/good").unwrap();
    assert_eq!((checked.rules, checked.cases), (2, 9));
}

#[test]
fn broken_case_files_say_everything_that_is_wrong() {
    let problems = check_cases::<Plugin>("fixtures/broken").unwrap_err().0;
    let expected = [
        "attic.json: holds cases of rule `cellar`; name the file after it",
        "stairs: Twice.\n    input /visit/busines_date: expected \"2026-03-10\", got nothing by the SDK",
        "stairs: Twice.\n    /0/code: expected \"stairs.many\", got \"stairs.too_many\"",
        "stairs: Twice.\n    /0/params/steps: expected 31, got 30",
        "stairs: Twice.\n    /0/weight: expected 20, got 10",
        "stairs: two cases are called \"Twice.\"",
        "stairs: Twice.\n    input /visit/busines_date: expected \"2026-03-10\", got nothing by the SDK",
        "stairs: Twice.\n    expected Error(ExpectedError { code: \"bad_answers\" }), got {\"findings\":[]}",
        "stairs: no case expects `stairs.too_many`",
        "rule `doors` has no case file doors.json",
        "cellar.json: the plugin has no rule `cellar`",
    ];
    assert_eq!(problems, expected);
}

/// A rule that breaks what every plugin must keep.
#[derive(Deserialize, JsonSchema)]
struct Sloppy {}

impl Rule for Sloppy {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "Stairs 2",
        title: texts! { "en": "Sloppy" },
        description: texts! { "en": "Sloppy.", "zh-CN": " " },
        codes: &[("sloppy.code", texts! { "en": "{one}", "zh-CN": "{two}" })],
        ..About::EMPTY
    };

    fn run(&self, _: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        Ok(Findings::new())
    }
}

#[test]
fn incomplete_texts_are_found() {
    mod sloppy {
        crate::export_plugin! { name: "sloppy", title: { "en": "Sloppy", "zh-CN": "马虎" }, rules: [super::Sloppy, super::Sloppy] }
    }
    let problems = check_cases::<sloppy::Plugin>("fixtures/none").unwrap_err().to_string();
    for expected in [
        "rule id `Stairs 2` is not [a-z0-9_]+",
        "rule `Stairs 2` is listed twice",
        "Stairs 2: title: no text in zh-CN",
        "Stairs 2: description: no text in zh-CN",
        "Stairs 2: message of sloppy.code: the languages do not have the same placeholders",
        "fixtures/none: ",
        "rule `Stairs 2` has no case file",
    ] {
        assert!(problems.contains(expected), "{expected} is not in\n{problems}");
    }
}

#[test]
fn the_manifest_says_what_types_and_constants_say() {
    let manifest = serde_json::to_value(Plugin::manifest()).unwrap();
    let expected = json!({
        "plugin": "house",
        "version": env!("CARGO_PKG_VERSION"),
        "title": { "en": "House", "zh-CN": "家" },
        "datasets": ["floors"],
        "rules": [
            {
                "id": "stairs", "interface": "validate",
                "title": { "en": "Stairs", "zh-CN": "楼梯" },
                "description": { "en": "Counts the steps.", "zh-CN": "检查台阶数量。" },
                "config": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "title": "Stairs", "description": "Config of `stairs`.",
                    "type": "object", "additionalProperties": false,
                    "properties": { "most": {
                        "description": "Most steps a staircase may have.",
                        "type": "integer", "format": "uint32", "minimum": 0, "default": 20,
                    } },
                },
                "needs": [],
                "codes": [{ "code": "stairs.too_many", "message": { "en": "{steps} are too many", "zh-CN": "{steps} 级过多" } }],
            },
            {
                "id": "doors", "interface": "score",
                "title": { "en": "Doors", "zh-CN": "门" },
                "description": { "en": "Open doors.", "zh-CN": "开着的门。" },
                "config": { "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Doors", "type": "object" },
                "needs": [{ "need": "steps", "availability": "device" }],
                "codes": [],
            },
        ],
    });
    assert_eq!(manifest, expected);
}

const INPUT: &str = include_str!("../fixtures/input.json");

fn run(interface: Interface, rule: &str, input: &str) -> Result<Answer, RuleError> {
    native::run::<Plugin>(interface, rule, input, &native::Lookups::new())
}

#[test]
fn the_mirror_reads_and_writes_a_complete_input_unchanged() {
    let text: Value = serde_json::from_str(INPUT).unwrap();
    let input = serde_json::to_value(Input::from_json(INPUT).unwrap()).unwrap();
    // `600` is read as a float; as JSON numbers they are the same.
    assert_eq!(crate::number::canonical(input), crate::number::canonical(text));
}

#[test]
fn what_later_hosts_add_is_ignored() {
    let mut input: Value = serde_json::from_str(INPUT).unwrap();
    input["later"] = json!(1);
    input["visit"]["later"] = json!({});
    input["visit"]["origin"] = json!("invented_later");
    input["submission"]["at"]["source"] = json!("satellite");
    input["submission"]["position"]["crs"] = json!("mars");
    input["submission"]["absent"]["/lift"]["code"] = json!("forgotten");
    assert_eq!(run(Interface::Validate, "stairs", &input.to_string()), Ok(Answer::Findings(Vec::new())));
}

#[test]
fn a_rule_that_is_not_there_or_of_another_kind_is_no_such_rule() {
    for (interface, rule) in [(Interface::Validate, "cellar"), (Interface::Assess, "stairs"), (Interface::Score, "")] {
        assert_eq!(run(interface, rule, INPUT).unwrap_err().code, "no_such_rule");
    }
}

#[test]
fn errors_name_the_place() {
    let error = |input: Value| run(Interface::Validate, "stairs", &input.to_string()).unwrap_err();
    let mut input: Value = serde_json::from_str(INPUT).unwrap();
    input["submission"]["answers"]["steps"] = json!(-1);
    assert_eq!(error(input.clone()).to_string(), "bad_answers: /steps: invalid value: integer `-1`, expected u32");
    input["config"]["a/b~c"] = json!(true);
    assert!(error(input.clone()).to_string().starts_with("bad_config: /a~1b~0c: unknown field"), "{}", error(input));
    assert_eq!(run(Interface::Validate, "stairs", "{\"rule\":").unwrap_err().code, "bad_input");
    for (pointer, name) in
        [("/config", "config"), ("/parameters", "parameters"), ("/customer/fields", "customer/fields")]
    {
        let mut input: Value = serde_json::from_str(include_str!("../fixtures/input.json")).unwrap();
        *input.pointer_mut(pointer).unwrap() = json!([]);
        let error = run(Interface::Validate, "stairs", &input.to_string()).unwrap_err();
        assert_eq!((error.code.as_str(), error.message), ("bad_input", format!("/{name} is no object")));
    }
    let deep = "[".repeat(50_000);
    assert_eq!(run(Interface::Validate, "stairs", &deep).unwrap_err().code, "bad_input");
}

#[test]
fn scores_stay_between_nought_and_one() {
    let card = Scorecard::new().part("a", Some(1.5), json!(1)).part("b", Some(f64::NAN), json!({"n": 2.0}));
    assert_eq!(
        serde_json::to_value(card).unwrap(),
        json!({
            "parts": [{"id": "a", "value": 1.0, "detail": {}}, {"id": "b", "value": null, "detail": {"n": 2}}], "marks": [],
        })
    );
}

#[test]
fn distances_of_photos_count_bits() {
    let input = Input::from_json(INPUT).unwrap();
    let photo = &input.submission.unwrap().evidence[0];
    let other = |sha256: &str, phash: Option<&str>| crate::Evidence {
        sha256: sha256.into(),
        phash: phash.map(str::to_owned),
        ..photo.clone()
    };
    assert_eq!(photo.distance(&other(&photo.sha256, None)), Some(0));
    assert_eq!(photo.distance(&other("00", Some("f0e1d2c3b4a59684"))), Some(2));
    assert_eq!(photo.distance(&other("00", None)), None);
    assert_eq!(photo.distance(&other("00", Some("zz"))), None);
}
