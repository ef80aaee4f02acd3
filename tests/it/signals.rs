//! What other visits say of this one, over HTTP: photos that look alike, notes word for word the same, and what the bytes of a
//! photo say when they arrive. The proof holds, also where a neighbour was erased.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tests::company::{Company, position};
use tests::demo::text;
use tests::png::written_by;
use tests::server::{Kind, Place, Server};

const NOTE: &str = "The owner was out, the clerk signed for the delivery.";
const RULES: [&str; 3] = ["photos/near_duplicate", "photos/exif_contradiction", "answers/identical_notes"];

/// The company with a second customer, and its SOP with the rules bound and its notes compared.
fn company(place: &Place, server: &Server) -> anyhow::Result<Company> {
    let company = Company::new(place, server, "tnt_alike")?;
    let admin = company.tokens.get("usr_admin").context("admin")?;
    let plugins = tests::built("SOPWITH_PLUGINS")?;
    let (answers, photos) = (plugins.join("answers.wasm"), plugins.join("photos.wasm"));
    let url = server.client.url.as_str();
    place.must(&["plugin", "upload", text(&answers)?, text(&photos)?, "--server", url, "--token", admin])?;
    let client = company.as_("usr_admin")?;
    let customer = json!({"type": "place", "name": "Another place", "time_zone": "Asia/Shanghai", "org_unit": "org_a",
        "status": "active", "fields": {"size": 3}});
    client.put("/v1/customers/cus_another", &customer)?.expect(201)?;
    let location = json!({"customer": "cus_another", "lat": 30.0, "lon": 104.0, "crs": "wgs84", "accuracy_m": 5, "source": "survey"});
    client.put("/v1/locations/loc_another", &location)?.expect(201)?;
    let sop: Value = serde_json::from_slice(&std::fs::read(tests::root().join("tests/sops/inspection.json"))?)?;
    let mut steps = sop.get("steps").cloned().context("steps")?;
    *steps.pointer_mut("/1/form/schema/properties/note").context("note")? =
        json!({"type": "string", "maxLength": 200, "x-free-text": true});
    let rules = RULES.map(|rule| match rule {
        "answers/identical_notes" => json!({"rule": rule, "config": {"min_customers": 1}}),
        rule => json!({"rule": rule}),
    });
    company.publish("1.1.0", &json!({"plugins": {"answers": "^1", "photos": "^1"}, "steps": steps, "rules": rules}))?;
    Ok(company)
}

/// A whole visit with a photo of this perceptual hash.
fn visit(company: &Company, task: &str, customer: &str, photo: &[u8], phash: &str) -> anyhow::Result<()> {
    let verb = |verb: &str, number: u32, body: Value| company.verb("usr_rep", task, verb, number, body);
    let submit = |number: u32, body: Value| verb("submit", number, body)?.expect(200);
    verb("create", 1, json!({"id": task, "customer": customer, "origin": "ad_hoc"}))?.expect(201)?;
    verb("start", 1, json!({}))?.expect(200)?;
    let captured = json!({"wall": "2026-03-18T09:00:00+08:00", "monotonic_ms": 900, "boot": "boot-1"});
    let photo = json!({"requirement": "entrance", "sha256": engine::canon::sha256_hex(photo), "kind": "photo",
        "class": "entrance", "live": true, "captured": captured, "phash": phash});
    submit(1, json!({"step": "arrive", "answers": {}, "position": position(), "evidence": [photo]}))?;
    submit(2, json!({"step": "look", "answers": {"count": 7, "note": NOTE}}))?;
    submit(3, json!({"step": "leave", "answers": {}}))?;
    verb("complete", 1, json!({}))?.expect(200)?;
    Ok(())
}

/// The codes of the plugins' findings.
fn codes(company: &Company, task: &str) -> anyhow::Result<Vec<String>> {
    let view = company.as_("usr_manager")?.get(&format!("/v1/tasks/{task}"))?.expect(200)?.json;
    let findings = view.pointer("/verdict/findings").and_then(Value::as_array).with_context(|| view.to_string())?;
    let of_rules = findings.iter().filter(|it| it["source"].as_str().is_some_and(|source| source.contains('/')));
    Ok(of_rules.filter_map(|it| Some(it["code"].as_str()?.to_owned())).collect())
}

#[test]
fn what_other_visits_and_the_bytes_say_is_found_and_can_be_proved() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = company(&place, &server)?;
    visit(&company, "tsk_first", "cus_a", b"first", "f0e1d2c3b4a59687")?;
    assert_eq!(codes(&company, "tsk_first")?, [""; 0]);
    let photo = written_by("Adobe Photoshop 26.3");
    visit(&company, "tsk_second", "cus_another", &photo, "f0e1d2c3b4a59680")?;
    assert_eq!(codes(&company, "tsk_second")?, ["answers.identical_notes", "photos.near_duplicate"]);
    let path = format!("/v1/evidence/{}", engine::canon::sha256_hex(&photo));
    company.as_("usr_rep")?.request("PUT", &path).bytes(photo, "image/png").send()?.expect(201)?;
    let found = codes(&company, "tsk_second")?;
    assert_eq!(found, ["answers.identical_notes", "photos.edited", "photos.near_duplicate"]);
    place.verify(&company.tenant)?;
    place.must(&["visit", "erase", "--tenant", &company.tenant, "vis_first"])?;
    let printed = place.must(&["verify", "--tenant", &company.tenant])?;
    ensure!(printed.contains("what they rest on was erased"), "{printed}");
    visit(&company, "tsk_third", "cus_a", b"third", "0f1e2d3c4b5a6978")?;
    assert_eq!(codes(&company, "tsk_third")?, ["answers.identical_notes"]);
    Ok(())
}
