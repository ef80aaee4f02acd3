//! Hashes that are alike meet in a band; what a rule is told of is what counts, and is judged again from its references.

use super::*;
use crate::command::Record;
use crate::event::{Event, Payload};
use crate::journal::{Ended, Journal, Outside};
use crate::recheck::{Differs, recheck};
use crate::rule::{RuleCall, RuleOutcome};
use crate::tests::{Kept, command, customer, submission};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

proptest! {
    #[test]
    fn hashes_within_the_distance_meet_in_a_band(hash: u64, turned in prop::collection::btree_set(0_u32..64, 0..=7)) {
        let other = turned.iter().fold(hash, |bits, bit| bits ^ (1_u64 << bit));
        let is_met = |(own, theirs): (u16, u16)| probes(own).any(|probe| probe == theirs);
        prop_assert!(bands(hash).into_iter().zip(bands(other)).any(is_met));
    }
}

#[test]
fn a_probe_is_a_band_with_at_most_one_bit_turned() {
    let probes: BTreeSet<u16> = probes(0xa5f0).collect();
    assert_eq!(probes.len(), 17);
    assert!(probes.iter().all(|probe| (probe ^ 0xa5f0).count_ones() <= 1));
    assert_eq!(bands(0x0123_4567_89ab_cdef), [0x0123, 0x4567, 0x89ab, 0xcdef]);
}

#[test]
fn a_perceptual_hash_is_sixteen_hex_digits() {
    assert_eq!(photo_hash("f0e1d2c3b4a59687"), Some(0xf0e1_d2c3_b4a5_9687));
    assert_eq!(photo_hash("FFFFFFFFFFFFFFFF"), Some(u64::MAX));
    for wrong in ["", "f0e1", "f0e1d2c3b4a596870", "+0e1d2c3b4a59687", "zzzzzzzzzzzzzzzz", "０１２３４５６７"] {
        assert_eq!(photo_hash(wrong), None, "{wrong}");
    }
}

#[test]
fn texts_that_say_the_same_are_the_same() {
    let same = [
        "Rack was tidied, 3 items.",
        "rack was tidied 3 items",
        "ＲＡＣＫ　was tidied,３ items!",
        " Rack-was-tidied…3-items ",
    ];
    let hashes: BTreeSet<_> = same.into_iter().map(text_hash).collect();
    assert!(hashes.len() == 1 && !hashes.contains(&None), "{hashes:?}");
    assert_ne!(text_hash("rack was tidied 4 items"), text_hash(same[0]));
    assert_eq!(text_hash("支架整齐，无缺货，一切正常。"), text_hash("支架整齐、无缺货、一切正常"));
    for short in ["", "一切正常", "All ok.", "。。。。。。。。。。。。"] {
        assert_eq!(text_hash(short), None, "{short}");
    }
}

/// The plain SOP with notes that are compared; its signal rule also asks for what is alike.
static SOP: LazyLock<Arc<EffectiveSop>> = LazyLock::new(|| {
    let mut sop: Value = serde_json::from_str(include_str!("../../../tests/sops/plain.json")).unwrap();
    let note = sop["steps"].as_array_mut().unwrap().iter_mut().find(|step| step["id"] == "note").unwrap();
    note["form"]["schema"]["properties"]["text"]["x-free-text"] = json!(true);
    let mut plugins: Value = serde_json::from_str(include_str!("../../../tests/sops/plugins.json")).unwrap();
    let needs = plugins.pointer_mut("/demo/manifest/rules/1/needs").unwrap().as_array_mut().unwrap();
    needs.extend(["photo_neighbours", "same_texts"].map(|need| json!({"need": need, "availability": "server"})));
    let (sop, plugins) = (serde_json::from_value(sop).unwrap(), serde_json::from_value(plugins).unwrap());
    let effective = EffectiveSop::new(sop, plugins, [].into(), &serde_json::Map::new());
    Arc::new(effective.map_err(|problems| format!("{problems:?}")).unwrap())
});

/// The signal rule says what it was told.
fn told(call: &RuleCall) -> RuleOutcome {
    let input = call.input.value();
    let params = json!({"photos": input["photo_neighbours"], "texts": input["same_texts"]});
    let finding = json!({"code": "demo.signal", "severity": "warning", "pointer": "", "params": params, "weight": 1});
    let findings = if call.rule == "demo/signal" { json!([finding]) } else { json!([]) };
    if call.rule == "demo/quality" {
        return crate::tests::answer(call);
    }
    serde_json::from_value(json!({"answer": {"findings": findings}})).unwrap()
}

struct Told(u128);

impl Outside for Told {
    fn call(&mut self, call: &RuleCall) -> RuleOutcome {
        told(call)
    }

    fn salt(&mut self) -> [u8; 16] {
        self.0 += 1;
        self.0.to_be_bytes()
    }
}

/// A book of visits with pictures and notes.
struct Book {
    journal: Journal<'static>,
    outside: Told,
    events: Vec<Event>,
    n_commands: i64,
}

impl Book {
    fn new() -> Self {
        let mut book =
            Self { journal: Journal::new(&SOP, "tnt_one"), outside: Told(0), events: Vec::new(), n_commands: 0 };
        for id in ["cus_one", "cus_two", "cus_three"] {
            book.take(&Record::Customer(customer(id)));
        }
        book
    }

    fn take(&mut self, record: &Record) {
        let (ended, events) = self.journal.apply(record, &mut self.outside);
        assert!(matches!(ended, Ended::Applied { .. }), "{ended:?}");
        self.events.extend(events);
    }

    /// A visit whose pictures have these hashes, one after the other, each in a submission of its own.
    fn visit(&mut self, name: &str, customer: &str, pictures: &[u64], note: &str) {
        let sent = |step: &str, photo: &str| submission(step, 100, &sha256_hex(format!("{name} {photo}").as_bytes()));
        let mut commands = vec![("create", json!({"customer": customer, "origin": "plan"})), ("start", json!({}))];
        commands.extend([("submit", sent("arrive", "front")), ("submit", sent("survey", ""))]);
        for (number, hash) in pictures.iter().enumerate() {
            let mut picture = sent("pictures", &format!("wall {number}"));
            picture["evidence"][0]["phash"] = json!(format!("{hash:016x}"));
            commands.push(("submit", picture));
        }
        commands.push(("submit", json!({"step": "note", "answers": {"text": note}})));
        commands.extend([("submit", sent("leave", "")), ("complete", json!({}))]);
        for (verb, body) in commands {
            self.n_commands += 1;
            let (id, second) = (format!("cmd_{}", self.n_commands), self.n_commands * 60);
            self.take(&command(&id, "usr_rep", &format!("tsk_{name}"), (second, second), verb, &body));
        }
    }

    /// What the rule over a visit was told: of photos (visit, distance), of texts (visit).
    fn told(&self, name: &str) -> (Vec<(String, u64)>, Vec<String>) {
        let visit = &self.journal.visits()[&format!("vis_{name}")];
        let findings = &visit.verdict().unwrap().findings;
        let params = &findings.iter().find(|it| it.code == "demo.signal" && it.step.is_empty()).unwrap().params;
        let list = |name: &str| params[name].as_array().cloned().unwrap_or_default();
        let visit = |it: &Value| it["visit"].as_str().unwrap().to_owned();
        let photos = list("photos").iter().map(|it| (visit(it), it["distance"].as_u64().unwrap())).collect();
        (photos, list("texts").iter().map(visit).collect())
    }

    fn record(&self) -> Kept {
        Kept { events: self.events.clone(), sops: vec![SOP.clone()], answer: told }
    }
}

const NOTE: &str = "The owner was out, the clerk signed.";
const HASH: u64 = 0xf0e1_d2c3_b4a5_9687;

fn named(visits: &[&str]) -> Vec<String> {
    visits.iter().map(|visit| format!("vis_{visit}")).collect()
}

#[test]
fn a_rule_is_told_of_earlier_photos_and_texts_that_are_alike_and_it_is_judged_again() {
    let mut book = Book::new();
    book.visit("one", "cus_one", &[HASH], NOTE);
    book.visit("two", "cus_two", &[HASH ^ 0b111], "the owner was out; the clerk signed");
    book.visit("three", "cus_one", &[HASH ^ 0xff00], NOTE);
    assert_eq!(book.told("one"), (vec![], vec![]));
    assert_eq!(book.told("two"), (vec![("vis_one".to_owned(), 3)], named(&["one"])));
    // Eight bits from the first: a stranger. The first visit was to the same customer: its note does not count.
    assert_eq!(book.told("three"), (vec![], named(&["two"])));
    let mut record = book.record();
    for visit in ["vis_one", "vis_two", "vis_three"] {
        let Ok(rechecked) = recheck(&mut record, visit);
        assert!(rechecked.differences.is_empty() && rechecked.judged > 5, "{visit}: {rechecked:?}");
    }
}

#[test]
fn a_photo_taken_again_in_the_same_visit_is_no_neighbour() {
    let mut book = Book::new();
    book.visit("one", "cus_one", &[HASH, HASH ^ 1, HASH], NOTE);
    assert_eq!(book.told("one"), (vec![], vec![]));
    // Whoever comes later is told of each of them once, the nearest first.
    book.visit("two", "cus_two", &[HASH ^ 1], NOTE);
    assert_eq!(book.told("two").0, [("vis_one".to_owned(), 0), ("vis_one".to_owned(), 1), ("vis_one".to_owned(), 1)]);
    let Ok(rechecked) = recheck(&mut book.record(), "vis_two");
    assert_eq!(rechecked.differences, []);
}

#[test]
fn of_many_neighbours_the_nearest_and_newest_are_told() {
    let mut book = Book::new();
    for number in 0..7_u64 {
        book.visit(&format!("own-{number}"), "cus_one", &[HASH ^ 0x100], "");
        book.visit(&format!("other-{number}"), "cus_two", &[HASH ^ ((1 << number) - 1)], NOTE);
    }
    book.visit("last", "cus_one", &[HASH], NOTE);
    let (photos, texts) = book.told("last");
    let own = ["own-6", "own-5", "own-4", "own-3", "own-2"].map(|name| (format!("vis_{name}"), 1));
    let others = (0..5_u64).map(|number| (format!("vis_other-{number}"), number));
    let mut expected: Vec<(String, u64)> = own.into_iter().chain(others).collect();
    expected.sort_by_key(|(_, distance)| *distance);
    assert_eq!(photos.iter().cloned().collect::<BTreeSet<_>>(), expected.iter().cloned().collect());
    assert!(photos.is_sorted_by_key(|(_, distance)| *distance), "{photos:?}");
    assert_eq!(texts, named(&["other-6", "other-5", "other-4", "other-3", "other-2", "other-1", "other-0"]));
    let Ok(rechecked) = recheck(&mut book.record(), "vis_last");
    assert_eq!(rechecked.differences, []);
}

#[test]
fn a_reference_that_does_not_say_so_is_found() {
    let mut book = Book::new();
    book.visit("one", "cus_one", &[HASH], NOTE);
    book.visit("two", "cus_two", &[HASH], NOTE);
    for (need, about) in [("photo_neighbours", vec!["a".repeat(64), "b".repeat(64)]), ("same_texts", vec![])] {
        let mut record = book.record();
        let completed = record.events.iter_mut().rfind(|event| event.header.kind == "visit_completed").unwrap();
        let Some(Payload::Kept(kept)) = completed.payloads.get_mut("verdict") else { panic!("no verdict") };
        let mut verdict = kept.value.value();
        let gathered = verdict["gathered"].as_array_mut().unwrap();
        let reference = gathered.iter_mut().find(|reference| reference["need"] == need).unwrap();
        reference["about"] = json!(about);
        kept.value = crate::canon::CanonicalJson::of(&verdict).unwrap();
        let Ok(rechecked) = recheck(&mut record, "vis_two");
        let unfounded = |what: &Differs| matches!(what, Differs::Unfounded { need: named, .. } if named == need);
        assert!(rechecked.differences.iter().any(|it| unfounded(&it.what)), "{need}: {rechecked:?}");
    }
}

#[test]
fn what_lies_too_far_back_or_came_later_is_no_past() {
    let wanted = Wanted {
        visit: "vis_a".to_owned(),
        photos: [("aa".to_owned(), WantedPhoto { hash: HASH, signer: None, before_ms: LOOK_BACK_MS + 10 })].into(),
        ..Wanted::default()
    };
    let photo = |received_ms: i64| PastPhoto {
        sha256: "bb".to_owned(),
        hash: HASH,
        visit: "vis_b".to_owned(),
        customer: String::new(),
        user: String::new(),
        step: String::new(),
        class: String::new(),
        signer: None,
        business_date: String::new(),
        received_ms,
    };
    let is_told = |received_ms| wanted.neighbour("aa", &photo(received_ms)).is_some();
    assert_eq!([9, 10, LOOK_BACK_MS + 10, LOOK_BACK_MS + 11].map(is_told), [false, true, true, false]);
    // The same bytes are another need's answer.
    assert_eq!(wanted.neighbour("aa", &PastPhoto { sha256: "aa".to_owned(), ..photo(10) }), None);
}

#[test]
fn ones_own_signatures_do_not_hide_that_somebody_else_signed_alike() {
    let signed = |signer: &str| Some(signer.to_owned());
    let wanted = Wanted {
        visit: "vis_a".to_owned(),
        photos: [("aa".to_owned(), WantedPhoto { hash: HASH, signer: signed("ann"), before_ms: 100 })].into(),
        ..Wanted::default()
    };
    let photo = |number: i64, signer: &str| PastPhoto {
        sha256: format!("bb{number}"),
        hash: HASH,
        visit: format!("vis_{number}"),
        customer: String::new(),
        user: String::new(),
        step: String::new(),
        class: String::new(),
        signer: signed(signer),
        business_date: String::new(),
        received_ms: number,
    };
    let past = (1..=7).map(|number| photo(number, "ann")).chain([photo(0, "bob")]);
    let found = past.filter_map(|past| Some((wanted.neighbour("aa", &past)?, past.visit))).collect();
    let (mut gathered, mut references) = (Gathered::default(), BTreeSet::new());
    gathered.told_neighbours(found, &wanted, &mut references);
    let told: Vec<&str> = gathered.photo_neighbours.iter().map(|it| it.visit.as_str()).collect();
    assert_eq!(told, ["vis_7", "vis_6", "vis_5", "vis_4", "vis_3", "vis_0"]);
    assert_eq!(references.len(), 6);
}
