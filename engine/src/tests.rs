//! What tests of this crate share: the plain SOP, a customer, commands in short, rules that look at what was gathered, and
//! the events of a journal as a record.

#[cfg(feature = "openapi")]
mod openapi;

use crate::canon::CanonicalJson;
use crate::command::{Customer, Record};
use crate::effective::{EffectiveSop, Pins};
use crate::event::{Event, Seal, Tips, seal};
use crate::journal::{Ended, Journal, Outside};
use crate::recheck::{Located, Recorded};
use crate::rule::{RuleAnswer, RuleCall, RuleOutcome};
use crate::visit::VisitEvent;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

/// 2026-03-02T09:00:00+08:00.
pub const NINE_MS: i64 = 1_772_413_200_000;

/// The plain SOP; its score rule also asks for the visit before, its signal rule for who else used the device.
pub static PLAIN: LazyLock<Arc<EffectiveSop>> = LazyLock::new(|| plain(&json!({})));

/// An SOP whose steps post to ledgers.
pub static HANDOVER: LazyLock<Arc<EffectiveSop>> = LazyLock::new(|| {
    let sop = serde_json::from_str(include_str!("../../tests/sops/handover.json")).unwrap();
    let effective = EffectiveSop::new(sop, [].into(), [].into(), &Map::new());
    Arc::new(effective.map_err(|problems| format!("{problems:?}")).unwrap())
});

pub fn plain(parameters: &Value) -> Arc<EffectiveSop> {
    let sop = serde_json::from_str(include_str!("../../tests/sops/plain.json")).unwrap();
    let mut plugins: Value = serde_json::from_str(include_str!("../../tests/sops/plugins.json")).unwrap();
    let needs = plugins.pointer_mut("/demo/manifest/rules/2/needs").unwrap().as_array_mut().unwrap();
    needs.push(json!({"need": "previous_visit", "availability": "server"}));
    let needs = plugins.pointer_mut("/demo/manifest/rules/1/needs").unwrap().as_array_mut().unwrap();
    needs.push(json!({"need": "last_on_device", "availability": "server"}));
    let parameters: Map<String, Value> = parameters.as_object().unwrap().clone();
    let plugins = serde_json::from_value(plugins).unwrap();
    Arc::new(
        EffectiveSop::new(sop, plugins, [].into(), &parameters).map_err(|problems| format!("{problems:?}")).unwrap(),
    )
}

pub fn customer(id: &str) -> Customer {
    let record = json!({"id": id, "revision": 1, "type": "place", "name": "Place", "time_zone": "Asia/Shanghai",
        "fields": {"size": 1}, "location": {"id": "loc_one", "lat": 30.0, "lon": 104.0, "crs": "wgs84"}});
    serde_json::from_value(record).unwrap()
}

/// A command done at `done` and received at `received`, in seconds after nine.
pub fn command(id: &str, user: &str, task: &str, (done, received): (i64, i64), verb: &str, body: &Value) -> Record {
    let wall = |second: i64| crate::time::format_utc(NINE_MS + second * 1000);
    let at = json!({"wall": wall(done), "monotonic_ms": done * 1000, "boot": "b", "received": wall(received),
        "anchor": {"server": wall(0), "monotonic_ms": 0, "error_ms": 50}});
    let record = json!({"record": "command", "id": id, "user": user, "device": "dev_a", "task": task, "at": at,
        "verb": verb, "body": body});
    Record::from_json(record.to_string().as_bytes()).unwrap()
}

/// A submission of a step of the plain SOP; `photo` is the hash of its picture, where the step asks for one.
pub fn submission(step: &str, quantity: i64, photo: &str) -> Value {
    let class = if step == "arrive" { "entrance" } else { "wall" };
    let captured = json!({"wall": crate::time::format_utc(NINE_MS), "monotonic_ms": 0, "boot": "b"});
    let evidence = json!([{"requirement": class, "class": class, "kind": "photo", "live": true, "captured": captured, "sha256": photo}]);
    json!({
        "step": step,
        "answers": if step == "survey" { json!({"open": true, "quantity": quantity}) } else { json!({}) },
        "evidence": if ["arrive", "pictures"].contains(&step) { evidence } else { json!([]) },
        "position": {"lat": 30.0, "lon": 104.0, "crs": "wgs84", "accuracy_m": 5.0},
    })
}

pub fn evidence(sha256: &str, second: i64) -> Record {
    let received = crate::time::format_utc(NINE_MS + second * 1000);
    serde_json::from_value(json!({"record": "evidence", "sha256": sha256, "received": received})).unwrap()
}

pub fn clock(second: i64) -> Record {
    let now = crate::time::format_utc(NINE_MS + second * 1000);
    serde_json::from_value(json!({"record": "clock", "now": now})).unwrap()
}

/// Rules that say what they were told about other visits.
pub fn answer(call: &RuleCall) -> RuleOutcome {
    let finding = |weight: u32, params: Value| json!({"code": "demo.signal", "severity": "warning", "pointer": "", "params": params, "weight": weight});
    let answer = match call.rule.as_str() {
        "demo/signal" => {
            let mut findings = Vec::new();
            let input = call.input.value();
            if let Some(visit) = input.pointer("/last_check_in/visit") {
                findings.push(finding(10, json!({"after": visit})));
            }
            if let Some(visit) = input.pointer("/last_located/visit") {
                findings.push(finding(5, json!({"located": visit})));
            }
            if let Some(other) = input.get("last_on_device") {
                findings.push(finding(30, json!({"on_device": other})));
            }
            for used in input["evidence_uses"].as_array().unwrap() {
                findings.push(finding(20, json!({"used": used})));
            }
            json!({"findings": findings})
        }
        "demo/quality" => {
            let value = if call.input.value()["previous_visit"].is_null() { 0.5 } else { 0.75 };
            json!({"scorecard": {"parts": [{"id": "quality", "value": value}]}})
        }
        _ => json!({"findings": []}),
    };
    let answer: RuleAnswer = serde_json::from_value(answer).unwrap();
    RuleOutcome { answer, lookups: Vec::new(), fuel: 1 }
}

/// What is put together by hand is the canonical form of the type rules know it by.
#[test]
fn an_input_is_a_rule_input_in_canonical_form() {
    fn checked(call: &RuleCall) -> RuleOutcome {
        let input: crate::input::RuleInput = serde_json::from_str(call.input.as_str()).unwrap();
        assert_eq!(CanonicalJson::of(&input).as_ref(), Ok(&call.input), "{}", call.rule);
        answer(call)
    }
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    day.visit("two", "cus_one", 3600, 0, 5);
    day.record.answer = checked;
    for stream in ["vis_one", "vis_two"] {
        let Ok(rechecked) = crate::recheck::recheck(&mut day.record, stream);
        assert!(rechecked.differences.is_empty() && rechecked.calls > 0, "{rechecked:?}");
    }
}

#[test]
fn a_choice_is_said_in_the_words_of_its_form() {
    let mut sop: Value = serde_json::from_str(include_str!("../../tests/sops/plain.json")).unwrap();
    let text = |en: &str, zh: &str| json!({"en": en, "zh-CN": zh});
    let texts = [("found", text("{what} of {size}", "{size}：{what}")), ("survey.what.leak", text("a leak", "渗漏"))];
    let all = sop["texts"].as_object_mut().unwrap();
    all.extend(texts.map(|(key, text)| (key.to_owned(), text)));
    let plugins = serde_json::from_str(include_str!("../../tests/sops/plugins.json")).unwrap();
    let sop = EffectiveSop::new(serde_json::from_value(sop).unwrap(), plugins, [].into(), &Map::new());
    let params = json!({"message": "found", "what": "leak", "size": "leak"});
    let mut finding = crate::finding::built_in("check", "found", "", crate::sop::Effect::Flag, &params);
    "survey".clone_into(&mut finding.step);
    let sop = sop.map_err(|problems| format!("{problems:?}")).unwrap();
    let said = |language| crate::explain::finding(&sop, &finding, language).text;
    assert_eq!((said("en").as_str(), said("zh-CN").as_str()), ("a leak of leak", "leak：渗漏"));
}

#[test]
fn of_a_step_only_what_a_condition_may_read_is_seen() {
    use crate::condition::Condition;
    use crate::effective::{Sight, sight};
    let seen = |text: &str| {
        let condition = Condition::compile(text).unwrap();
        sight(&[(text.to_owned(), condition.into())].into(), "a")
    };
    for text in ["answers.a == 1", "steps.b.answers.a == 1", "steps['b'].state == 'done'"] {
        assert_eq!(seen(text), Sight::Nothing, "{text}");
    }
    for text in ["steps.a.state == 'done'", "steps['a'].state == 'done' && answers.x == 1"] {
        assert_eq!(seen(text), Sight::State, "{text}");
    }
    for text in [
        "steps.a.answers.x == 1",
        "size(steps) > 1",
        "steps.a == steps.b",
        "has(steps.a.absent)",
        "steps[answers.which].answers.x == 1",
        "(answers.x ? steps.a : steps.b).answers.y == 1",
        "[steps.a].all(step, step.answers.y == 1)",
        "'a' in steps && steps.a.state == 'done'",
        "steps.a[answers.which] == 'done'",
    ] {
        assert_eq!(seen(text), Sight::Everything, "{text}");
    }
}

struct Answers {
    salts: u128,
}

impl Outside for Answers {
    fn call(&mut self, call: &RuleCall) -> RuleOutcome {
        answer(call)
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salts += 1;
        self.salts.to_be_bytes()
    }
}

/// A book with the events it gave.
pub struct Day {
    pub journal: Journal<'static>,
    pub record: Kept,
    outside: Answers,
}

impl Day {
    pub fn new() -> Self {
        Self::under(&PLAIN)
    }

    pub fn under(sop: &'static Arc<EffectiveSop>) -> Self {
        let mut day = Self {
            journal: Journal::new(sop, "tnt_one"),
            record: Kept { events: Vec::new(), sops: vec![sop.clone()], answer },
            outside: Answers { salts: 0 },
        };
        for id in ["cus_one", "cus_two"] {
            day.take(&Record::Customer(customer(id)));
        }
        day
    }

    pub fn take(&mut self, record: &Record) -> Ended {
        let (ended, events) = self.journal.apply(record, &mut self.outside);
        self.record.events.extend(events);
        ended
    }

    /// A visit from creation to check-in (`steps` 1) or to the end (`steps` 5), its commands a minute apart and received
    /// `late` seconds after they were done.
    pub fn visit(&mut self, name: &str, customer: &str, from: i64, late: i64, steps: usize) {
        self.visit_by("usr_rep", name, customer, (from, late), steps);
    }

    /// The same by anybody; everybody has the one device.
    pub fn visit_by(&mut self, user: &str, name: &str, customer: &str, (from, late): (i64, i64), steps: usize) {
        let task = format!("tsk_{name}");
        let photo = |step: &str| crate::canon::sha256_hex(format!("{name} {step}").as_bytes());
        let handed_in = |step: &str| submission(step, 100, &photo(step));
        let mut commands = vec![("create", json!({"customer": customer, "origin": "plan"})), ("start", json!({}))];
        commands.extend(["arrive", "survey", "pictures", "leave"].map(|step| ("submit", handed_in(step))));
        commands.push(("complete", json!({})));
        for (index, (verb, body)) in commands.iter().take(2 + steps).enumerate() {
            let done = from + 60 * i64::try_from(index).unwrap();
            let id = format!("cmd_{name}-{index}");
            let ended = self.take(&command(&id, user, &task, (done, done + late), verb, body));
            assert!(matches!(ended, Ended::Applied { .. }), "{name} {verb}: {ended:?}");
        }
    }

    /// Evidence the visit awaits arrives.
    pub fn evidence_of(&mut self, name: &str, second: i64) {
        for step in ["arrive", "pictures"] {
            self.take(&evidence(&crate::canon::sha256_hex(format!("{name} {step}").as_bytes()), second));
        }
    }
}

/// Events in memory as a record.
#[derive(Clone)]
pub struct Kept {
    pub events: Vec<Event>,
    pub sops: Vec<Arc<EffectiveSop>>,
    pub answer: fn(&RuleCall) -> RuleOutcome,
}

impl Kept {
    pub fn stream(&self, stream: &str) -> Vec<Event> {
        self.events.iter().filter(|event| event.header.stream == stream).cloned().collect()
    }

    /// Adds events to a stream as another writer would.
    pub fn append(&mut self, stream: &str, events: &[VisitEvent], at_ms: i64) {
        let mut tips = Tips::default();
        self.events.iter().for_each(|event| tips.advance(event));
        for event in events {
            let tip = tips.of("tnt_one", stream);
            let place = Seal { tenant: "tnt_one", engine: crate::event::ENGINE_HASH, at_ms, tip: &tip };
            let sealed = seal(event.draft(stream), &place, &mut || [7; 16]).unwrap();
            tips.advance(&sealed);
            self.events.push(sealed);
        }
    }
}

impl Recorded for Kept {
    type Error = Infallible;

    fn find(&mut self, hash: &str) -> Result<Option<Located>, Infallible> {
        let found = self.events.iter().find(|event| event.hash == hash);
        Ok(found.map(|event| Located { stream: event.header.stream.clone(), seq: event.header.seq }))
    }

    fn events(&mut self, stream: &str, up_to: u64) -> Result<Vec<Event>, Infallible> {
        Ok(self.stream(stream).into_iter().filter(|event| event.header.seq <= up_to).collect())
    }

    fn sop(&mut self, hash: &str, _pins: Option<&Pins>) -> Result<Option<Arc<EffectiveSop>>, Infallible> {
        Ok(self.sops.iter().find(|sop| sop.hash == hash).cloned())
    }

    fn call(&mut self, _sop: &EffectiveSop, call: &RuleCall) -> RuleOutcome {
        (self.answer)(call)
    }
}
