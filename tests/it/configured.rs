//! Configuration without code over HTTP and on the command line: overlays on a template that moves, parameters by customer,
//! datasets from spreadsheets.

use anyhow::Context as _;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use tests::company::Company;
use tests::server::{Kind, Place, Server};

const LOCAL: &str = "/v1/sops/test.local/versions/1.0.0";

fn company(place: &Place) -> anyhow::Result<(Server, Company)> {
    let server = Server::start(place, &[], None)?;
    let company = Company::new(place, &server, "tnt_one")?;
    Ok((server, company))
}

fn overlay(changes: Value) -> Value {
    json!({"overlay": "test.local", "version": "1.0.0", "title": {"en": "Local inspection", "zh-CN": "本地检查"},
        "of": {"sop": "test.inspection", "version": "1.0.0"}, "changes": changes})
}

fn codes(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem.get("errors").and_then(Value::as_array).into_iter().flatten();
    errors.filter_map(|error| Some((error.get("pointer")?.as_str()?, error.get("code")?.as_str()?))).collect()
}

#[test]
fn an_overlay_is_published_runs_and_is_carried_over_when_its_template_moves() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let changes = json!([
        {"op": "set", "at": "/steps/look/checks/look.too_many/effect", "value": "flag"},
        {"op": "set", "at": "/steps/look/title", "value": {"en": "Look closely", "zh-CN": "仔细查看"}},
        {"op": "remove", "at": "/steps/extra"},
        {"op": "remove", "at": "/outputs/taken"},
        {"op": "remove", "at": "/tasks/harm"},
        {"op": "remove", "at": "/tasks/permit"},
    ]);
    let impossible = overlay(json!([{"op": "remove", "at": "/steps/look2"}]));
    let linted = admin.request("POST", "/v1/sops/lint").json(&impossible).send()?.expect(200)?.json;
    assert_eq!(linted.pointer("/problems/0/code"), Some(&json!("overlay.nothing")), "{linted}");
    admin.put(LOCAL, &overlay(changes.clone()))?.expect(200)?;
    admin.post(&format!("{LOCAL}/publish"), "cmd_publish-local", &json!({}))?.expect(200)?;
    // The same again is no change; another under the same version is refused.
    admin.put(LOCAL, &overlay(changes.clone()))?.expect(200)?;
    assert_eq!(admin.put(LOCAL, &overlay(json!([])))?.expect(409)?.code(), "version.published");
    let kept = admin.get(LOCAL)?.expect(200)?.json;
    assert_eq!(kept.pointer("/document/sop"), Some(&json!("test.local")));
    assert_eq!(kept.pointer("/overlay"), Some(&overlay(changes)));
    assert_eq!(kept.pointer("/version/about/from/sop"), Some(&json!("test.inspection")));

    let assigned = json!({"sop": "test.local", "versions": "^1.0", "roles": ["rep"], "priority": 5});
    admin.put("/v1/sop-assignments/sas_local", &assigned)?.expect(201)?;
    company.begun("tsk_local")?;
    let many = json!({"step": "look", "answers": {"count": 500}});
    company.verb("usr_rep", "tsk_local", "submit", 2, many)?.expect(200)?;
    company.verb("usr_rep", "tsk_local", "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    company.verb("usr_rep", "tsk_local", "complete", 1, json!({}))?.expect(200)?;
    let view = company.as_("usr_rep")?.get("/v1/tasks/tsk_local")?.expect(200)?.json;
    assert_eq!(view.pointer("/task/decision"), Some(&json!("flagged")), "{view}");
    assert_eq!(view.pointer("/steps/1/title"), Some(&json!("Look closely")), "{view}");

    // The template moves: it locks the check, and changes a title that the overlay changes too.
    let mut next: Value = serde_json::from_slice(&std::fs::read(tests::root().join("tests/sops/inspection.json"))?)?;
    next["version"] = json!("1.1.0");
    next["locked"] = json!(["/steps/look/checks/look.too_many"]);
    next["steps"][1]["title"] = json!({"en": "Look around", "zh-CN": "四处查看"});
    next["steps"][3]["title"] = json!({"en": "Go", "zh-CN": "离店"});
    let path = "/v1/sops/test.inspection/versions/1.1.0";
    admin.put(path, &next)?.expect(200)?;
    admin.post(&format!("{path}/publish"), "cmd_publish-next", &json!({}))?.expect(200)?;
    assert_eq!(admin.get(&format!("{LOCAL}/rebase?to=9.0.0"))?.expect(422)?.code(), "overlay.no_template");
    let report = admin.get(&format!("{LOCAL}/rebase?to=1.1.0"))?.expect(200)?.json;
    let conflicts = report.get("conflicts").and_then(Value::as_array).context("conflicts")?;
    let found: Vec<(&Value, &Value)> = conflicts.iter().map(|found| (&found["code"], &found["kept"])).collect();
    let (locked, changed) = (json!("overlay.now_locked"), json!("overlay.both_changed"));
    assert_eq!(found, [(&locked, &json!(false)), (&changed, &json!(true))], "{report}");
    assert!(conflicts.iter().all(|conflict| conflict["hint"]["zh-CN"].as_str().is_some_and(|hint| !hint.is_empty())));
    assert_eq!(report.get("problems"), Some(&json!([])), "{report}");
    let mut moved = report.get("overlay").cloned().context("overlay")?;
    moved["version"] = json!("1.1.0");
    let path = "/v1/sops/test.local/versions/1.1.0";
    admin.put(path, &moved)?.expect(200)?;
    admin.post(&format!("{path}/publish"), "cmd_publish-moved", &json!({}))?.expect(200)?;
    let document = admin.get(path)?.expect(200)?.json;
    assert_eq!(document.pointer("/document/steps/1/title/en"), Some(&json!("Look closely")));
    assert_eq!(document.pointer("/document/steps/2/title/en"), Some(&json!("Go")));
    Ok(())
}

#[test]
fn an_overlay_that_breaks_what_is_locked_is_not_published() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    company.publish("1.2.0", &json!({"locked": ["/steps/arrive", "/parameters/radius_m/schema"]}))?;
    let mut local = overlay(json!([
        {"op": "remove", "at": "/steps/arrive"},
        {"op": "set", "at": "/parameters/radius_m/schema/maximum", "value": 100_000},
        {"op": "set", "at": "/parameters/radius_m/default", "value": 5_000},
    ]));
    local["of"]["version"] = json!("1.2.0");
    admin.put(LOCAL, &local)?.expect(200)?;
    let refused = admin.post(&format!("{LOCAL}/publish"), "cmd_publish-locked", &json!({}))?.expect(422)?.json;
    assert_eq!(
        codes(&refused),
        [("/changes/0/at", "overlay.locked"), ("/changes/1/at", "overlay.locked")],
        "{refused}"
    );
    // What is not locked is held to the bounds of the template.
    local["changes"] = json!([{"op": "set", "at": "/parameters/radius_m/default", "value": 5_000}]);
    let seen = admin.get(LOCAL)?.expect(200)?;
    admin
        .request("PUT", LOCAL)
        .json(&local)
        .saw(seen.header("etag").context("etag")?.trim_matches('"'))
        .send()?
        .expect(200)?;
    let refused = admin.post(&format!("{LOCAL}/publish"), "cmd_publish-bounds", &json!({}))?.expect(422)?.json;
    assert_eq!(codes(&refused), [("/parameters/radius_m/default", "parameter.default")], "{refused}");
    Ok(())
}

#[test]
fn a_parameter_differs_by_customer_and_an_assignment_beats_it() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let radius = json!({"parameters": {"radius_m": {"by": [
        {"when": "customer.fields.size > 100", "value": 900},
        {"when": "customer.fields.size > 2", "value": 20},
    ]}}});
    company.publish("1.1.0", &radius)?;
    // The customer's size is 3, the rep is some 100 m away: within 300 m, not within 20 m.
    let arrive = |task: &str, number| -> anyhow::Result<tests::client::Answer> {
        let body = json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"});
        company.verb("usr_rep", task, "create", 1, body)?.expect(201)?;
        company.verb("usr_rep", task, "start", 1, json!({}))?.expect(200)?;
        let position = json!({"lat": 30.0009, "lon": 104.0, "crs": "wgs84", "accuracy_m": 5, "age_s": 1, "mock": false, "provider": "gps"});
        company.verb("usr_rep", task, "submit", number, json!({"step": "arrive", "answers": {}, "position": position}))
    };
    let outside = arrive("tsk_sliced", 1)?;
    assert_eq!((outside.status, outside.code()), (422, "submission.refused"), "{}", outside.json);
    assert_eq!(codes(&outside.json), [("/body/answers/position", "location.outside")]);
    let own = json!({"sop": "test.inspection", "versions": "^1.0", "roles": ["rep"], "priority": 5, "parameters": {"radius_m": 300}});
    admin.put("/v1/sop-assignments/sas_own", &own)?.expect(201)?;
    arrive("tsk_own", 1)?.expect(200)?;
    let wide =
        json!({"sop": "test.inspection", "versions": "^1.0", "roles": ["rep"], "parameters": {"radius_m": 5_000}});
    let refused = admin.put("/v1/sop-assignments/sas_wide", &wide)?.expect(422)?;
    assert_eq!(codes(&refused.json), [("/parameters/radius_m", "parameter.value")], "{}", refused.json);
    place.verify("tnt_one")
}

#[test]
fn a_dataset_comes_from_a_spreadsheet_whole_or_not_at_all() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let put = |version: &str, file: &[u8], media: &str| {
        let path = format!("/v1/datasets/prices/versions/{version}?valid_from=2026-03-01&valid_to=2026-03-31");
        admin.request("PUT", &path).bytes(file, media).send()
    };
    assert_eq!(put("1", b"code,price\na,1\n", "text/csv")?.expect(422)?.code(), "dataset.undeclared");
    let prices = json!({"datasets": {"prices": {
        "title": {"en": "Prices", "zh-CN": "价格"}, "key": "code", "slice": {"column": "region", "by": "org_unit"},
        "schema": {"type": "object", "additionalProperties": false, "required": ["code", "price"], "properties": {
            "code": {"type": "string"}, "price": {"type": "number", "minimum": 0}, "region": {"type": "string"}}},
    }}});
    company.publish("1.1.0", &prices)?;
    let bad = put("1", b"code,price,region\na,1,org_a\nb,-2,\na,3,\nc,x,\n", "text/csv")?.expect(422)?.json;
    let expected = [("/3/price", "dataset.row"), ("/4/code", "dataset.key_twice"), ("/5/price", "dataset.no_number")];
    assert_eq!(codes(&bad), expected, "{bad}");
    // 一号 in UTF-8, 二号 in GBK.
    let mixed = [b"code,price\n\xe4\xb8\x80\xe5\x8f\xb7,1\n".as_slice(), b"\xb6\xfe\xba\xc5,2\n"].concat();
    assert_eq!(codes(&put("1", &mixed, "text/csv")?.expect(422)?.json), [("/3/1", "csv.mixed")]);
    assert_eq!(put("1", b"a", "text/csv; charset=latin1")?.expect(415)?.code(), "body.charset");
    admin.get("/v1/datasets/prices/versions/1")?.expect(404)?;

    put("1", b"\xef\xbb\xbfcode,price,region\r\na,1.50,org_a\r\nb,2,\r\nc,3,org_b\r\nd,4,org_hq\r\n", "text/csv")?
        .expect(200)?;
    let kept = admin.get("/v1/datasets/prices/versions/1")?.expect(200)?.json;
    assert_eq!(kept.pointer("/document/rows/0"), Some(&json!({"code": "a", "price": 1.5, "region": "org_a"})));
    assert_eq!(kept.pointer("/version/about/rows"), Some(&json!(4)));
    let gbk = put("2", b"code,price\n\xb6\xfe\xba\xc5,2\n", "text/csv")?.expect(200)?.json;
    assert_eq!(gbk.pointer("/about/encoding"), Some(&json!("GBK")), "{gbk}");
    assert_eq!(gbk.pointer("/about/overlaps"), Some(&json!(["1"])), "{gbk}");

    // Rows of the customer's org units and of nobody's.
    let rep = company.as_("usr_rep")?;
    let rows = rep.get("/v1/datasets/prices/versions/1/rows?customer=cus_a&limit=2")?.expect(200)?.json;
    assert_eq!(rows.pointer("/items/1/code"), Some(&json!("b")), "{rows}");
    let next = rows.get("next").and_then(Value::as_str).context("next")?;
    let rows =
        rep.get(&format!("/v1/datasets/prices/versions/1/rows?customer=cus_a&limit=2&after={next}"))?.expect(200)?.json;
    assert_eq!(rows.get("items"), Some(&json!([{"code": "d", "price": 4, "region": "org_hq"}])), "{rows}");
    rep.get("/v1/datasets/prices/versions/1/rows?customer=cus_b")?.expect(404)?;

    // An SOP that could not read what is there is not published.
    let mut sop: Value = admin.get("/v1/sops/test.inspection/versions/1.1.0")?.expect(200)?.json["document"].clone();
    sop["version"] = json!("1.2.0");
    sop["datasets"]["prices"]["schema"]["required"] = json!(["code", "price", "unit"]);
    sop["datasets"]["prices"]["schema"]["properties"]["unit"] = json!({"type": "string"});
    let path = "/v1/sops/test.inspection/versions/1.2.0";
    admin.put(path, &sop)?.expect(200)?;
    let refused = admin.post(&format!("{path}/publish"), "cmd_publish-units", &json!({}))?.expect(422)?.json;
    assert_eq!(codes(&refused), [("/datasets/prices", "dataset.does_not_fit")], "{refused}");
    Ok(())
}

fn sopwith(arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(std::process::Command::new(tests::built("SOPWITH_BIN")?).args(arguments).output()?)
}

#[test]
fn the_command_line_renders_lints_and_rebases() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let write = |name: &str, value: &Value| -> anyhow::Result<String> {
        let file = temp.path().join(name);
        std::fs::write(&file, serde_json::to_vec(value)?)?;
        Ok(file.to_str().context("utf-8")?.to_owned())
    };
    let root = tests::root();
    let text = |path: &Path| path.to_str().map(str::to_owned).context("utf-8");
    let template = text(&root.join("tests/sops/inspection.json"))?;
    let local = write(
        "local.json",
        &overlay(json!([
            {"op": "set", "at": "/steps/look/title/en", "value": "Look closely"}, {"op": "remove", "at": "/steps/extra"}, {"op": "remove", "at": "/outputs/taken"}, {"op": "remove", "at": "/tasks/harm"}, {"op": "remove", "at": "/tasks/permit"},
        ])),
    )?;
    let tuned = write("tuned.json", &json!({"radius_m": 500}))?;
    let shown = sopwith(&["sop", "render", &template, "--overlay", &local, "--parameters", &tuned])?;
    let page = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{page}");
    for line in [
        "overlay      │     \"sop\": \"test.local\",",
        "tenant       │     \"radius_m\": 500",
        "/changes/1   │ - /steps/extra",
        "template     │         \"id\": \"look\",",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
    }
    assert!(page.lines().any(|line| line.starts_with("/changes/0") && line.contains("\"Look closely\"")), "{page}");
    let shown = sopwith(&["sop", "render", &template, "--overlay", &local, "--json"])?;
    let shown: Value = serde_json::from_slice(&shown.stdout)?;
    assert_eq!(shown.pointer("/origins/~1sop~1steps~11~1title~1en"), Some(&json!({"change": 0})));
    let wide = write("wide.json", &json!({"radius_m": 5_000}))?;
    let refused = sopwith(&["sop", "render", &template, "--parameters", &wide])?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("parameter.value"));

    let linted = sopwith(&["sop", "lint", &local, "--of", &template])?;
    assert!(linted.status.success(), "{}", String::from_utf8_lossy(&linted.stdout));
    let broken = write("broken.json", &overlay(json!([{"op": "remove", "at": "/steps/look"}])))?;
    let linted = sopwith(&["sop", "lint", &broken, "--of", &template])?;
    assert_eq!(linted.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&linted.stdout).contains("step.unknown"));

    let mut next: Value = serde_json::from_slice(&std::fs::read(&template)?)?;
    next["version"] = json!("1.1.0");
    let same = write("same.json", &next)?;
    let moved = sopwith(&["sop", "rebase", "--overlay", &local, "--from", &template, "--to", &same])?;
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let moved: Value = serde_json::from_slice(&moved.stdout)?;
    assert_eq!(moved.pointer("/of/version"), Some(&json!("1.1.0")));
    next["steps"][1]["title"]["en"] = json!("Look around");
    let other = write("other.json", &next)?;
    let moved = sopwith(&["sop", "rebase", "--overlay", &local, "--from", &template, "--to", &other])?;
    assert_eq!(moved.status.code(), Some(1));
    let said = String::from_utf8_lossy(&moved.stderr);
    assert!(said.contains("overlay.both_changed") && said.contains("Look around"), "{said}");
    Ok(())
}

#[test]
fn no_company_takes_drug_safety_out_of_the_detailing_visit() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let template = tests::root().join("schemas/pharma/detailing");
    let template = template.to_str().context("utf-8")?;
    for at in ["/steps/safety", "/steps/safety/when", "/tasks/adverse_event", "/score/caps"] {
        let file = temp.path().join("less.json");
        let less = json!({
            "overlay": "test.less", "version": "1.0.0", "title": {"en": "Less", "zh-CN": "精简"},
            "of": {"sop": "pharma.detailing", "version": "1.0.0"},
            "changes": [{"op": "set", "at": at, "value": "false"}, {"op": "remove", "at": at}],
        });
        std::fs::write(&file, serde_json::to_vec(&less)?)?;
        let linted = sopwith(&["sop", "lint", file.to_str().context("utf-8")?, "--of", template])?;
        let said = String::from_utf8_lossy(&linted.stdout);
        assert_eq!(linted.status.code(), Some(1), "{said}");
        assert!(said.contains("overlay.locked"), "{at}: {said}");
    }
    Ok(())
}

#[test]
fn visits_are_drawn_for_a_second_look_whatever_was_found() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    for (percent, version, priority) in [(100, "1.0.0", 100), (0, "1.1.0", 200)] {
        let mut changed = overlay(json!([{"op": "set", "at": "/policy/recheck_percent", "value": percent}]));
        changed["version"] = json!(version);
        let path = format!("/v1/sops/test.local/versions/{version}");
        admin.put(&path, &changed)?.expect(200)?;
        admin.post(&format!("{path}/publish"), &format!("cmd_publish-{percent}"), &json!({}))?.expect(200)?;
        let range = format!("={version}");
        let assigned = json!({"sop": "test.local", "versions": range, "roles": ["rep"], "priority": priority});
        admin.put(&format!("/v1/sop-assignments/sas_{percent}"), &assigned)?.expect(201)?;
        let task = format!("tsk_{percent}");
        company.begun(&task)?;
        let done = json!({"step": "look", "answers": {"count": 1}});
        company.verb("usr_rep", &task, "submit", 2, done)?.expect(200)?;
        company.verb("usr_rep", &task, "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
        company.verb("usr_rep", &task, "complete", 1, json!({}))?.expect(200)?;
        let drawn = percent == 100;
        let view = company.as_("usr_rep")?.get(&format!("/v1/tasks/{task}"))?.expect(200)?.json;
        assert_eq!(view.pointer("/task/decision"), Some(&json!("accepted")), "{view}");
        let why = company.as_("usr_rep")?.get(&format!("/v1/tasks/{task}/explanation"))?.expect(200)?.json;
        assert_eq!(why.to_string().contains("drawn by lot"), drawn, "{why}");
        let reviews =
            company.as_("usr_manager")?.get(&format!("/v1/tasks?kind=review&parent={task}"))?.expect(200)?.json;
        let n_reviews = reviews.get("items").and_then(Value::as_array).context("items")?.len();
        assert_eq!(n_reviews, usize::from(drawn), "{reviews}");
    }
    place.verify("tnt_one")
}

#[test]
fn the_conditions_of_every_sop_are_tried_over_their_cases() -> anyhow::Result<()> {
    for sop in ["fmcg/store-audit", "pharma/detailing", "building-materials/site-visit"] {
        let folder = tests::root().join("schemas").join(sop);
        let tried = sopwith(&["sop", "test", folder.to_str().context("utf-8")?])?;
        assert!(tried.status.success(), "{sop}: {}", String::from_utf8_lossy(&tried.stdout));
    }
    let temp = tempfile::tempdir()?;
    let sop = tests::root().join("tests/sops/inspection.json");
    std::fs::copy(sop, temp.path().join("sop.json"))?;
    let wrong = json!([{"check": "look.too_many", "name": "One is too many", "over": {"answers": {"count": 1}}, "holds": false}]);
    std::fs::write(temp.path().join("conditions.json"), wrong.to_string())?;
    let tried = sopwith(&["sop", "test", temp.path().to_str().context("utf-8")?])?;
    let said = String::from_utf8_lossy(&tried.stdout);
    assert_eq!(tried.status.code(), Some(1), "{said}");
    assert!(said.contains("One is too many: check look.too_many gives true"), "{said}");
    Ok(())
}

/// An overlay in `schemas/` gives an SOP without a fault, its conditions hold over their cases, and the day told under it comes
/// out as expected: the same visits are judged by another country's rules.
#[test]
fn every_overlay_is_tried_over_cases_and_a_day_of_its_own() -> anyhow::Result<()> {
    let folder = tests::root().join("schemas/pharma/detailing");
    let (sop, plugins) = (folder.display().to_string(), tests::built("SOPWITH_PLUGINS")?.display().to_string());
    let mut n_overlays = 0;
    for entry in std::fs::read_dir(folder.join("overlays"))? {
        let own = entry?.path();
        if !own.is_dir() {
            continue;
        }
        n_overlays += 1;
        let overlay = own.with_extension("json").display().to_string();
        let file = |name: &str| own.join(name).display().to_string();
        let (day, expected) = (file("day.jsonl"), file("expected.json"));
        for arguments in [
            vec!["sop", "lint", &overlay, "--of", &sop, "--plugins", &plugins],
            vec!["sop", "test", &sop, "--overlay", &overlay],
            vec!["judge", &sop, "--overlay", &overlay, "--plugins", &plugins, "--visits", &day, "--expect", &expected],
        ] {
            let tried = sopwith(&arguments)?;
            let said = [&tried.stdout, &tried.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
            assert!(tried.status.success(), "{arguments:?}: {}", said.concat());
        }
    }
    assert_eq!(n_overlays, 3);
    let overlay = folder.join("overlays/us.json").display().to_string();
    let other = tests::root().join("schemas/fmcg/store-audit").display().to_string();
    let tried = sopwith(&["sop", "test", &other, "--overlay", &overlay])?;
    let said = String::from_utf8_lossy(&tried.stderr);
    assert!(tried.status.code() == Some(2) && said.contains("us.json:\n  /of "), "{said}");
    Ok(())
}
