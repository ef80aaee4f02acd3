//! Customers out of a file whose coordinates are in another system than was said: reps are refused, the check names why, and
//! the same file said rightly puts it in order. And customers that are there twice.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::client::Client;
use tests::company::Company;
use tests::server::{Kind, Place, Server};

/// Where the place is, on WGS-84.
fn there() -> Value {
    json!({"lat": 30.657, "lon": 104.0657, "crs": "wgs84", "accuracy_m": 10, "age_s": 1, "mock": false, "provider": "gps"})
}

/// What it was in the list of somebody with a Chinese map, in GBK.
const TABLE: &[u8] = b"id,name,lat,lon\r\ncus_a,\xb4\xba\xce\xf5\xc2\xb7\xb5\xea,30.654578,104.068207\r\n";

#[test]
fn a_wrong_system_is_imported_found_and_put_right() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let mut company = Company::new(&place, &server, "tnt_one")?;
    let admin = company.as_("usr_admin")?;
    admin.put("/v1/users/usr_second", &json!({"name": "Second", "org_unit": "org_a"}))?.expect(201)?;
    let grant = json!({"user": "usr_second", "role": "rep", "org_unit": "org_a"});
    admin.put("/v1/grants/gra_second", &grant)?.expect(201)?;
    let made = admin.post("/v1/users/usr_second/tokens", "cmd_second", &json!({"label": "test"}))?.expect(201)?;
    let token = made.json.get("token").and_then(Value::as_str).unwrap_or_default().to_owned();
    company.tokens.insert("usr_second".into(), token);

    let file = place.folder().join("list.csv");
    std::fs::write(&file, TABLE)?;
    let file = file.display().to_string();
    let token = company.tokens.get("usr_admin").cloned().unwrap_or_default();
    let import = |more: &[&str]| {
        let as_admin = ["--server", &server.client.url, "--token", &token];
        place.run(&[&["client", "customers", "import", &file], more, &as_admin].concat())
    };
    // Nobody said which system: explained, exit code 1, nothing written.
    let refused = import(&["--language", "zh-CN"])?;
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    ensure!(refused.status.code() == Some(1) && said.contains("import.crs_missing"), "{said}");
    let preview = import(&["--crs", "wgs84", "--preview"])?;
    let said = String::from_utf8_lossy(&preview.stdout).into_owned();
    ensure!(
        preview.status.success() && said.contains("春熙路店") && said.contains("1 changed (1 places moved)"),
        "{said}"
    );
    let customer = admin.get("/v1/customers/cus_a")?.expect(200)?.json;
    assert_eq!(customer.pointer("/body/name"), Some(&json!("Place a")), "a preview writes nothing");
    ensure!(import(&["--crs", "wgs84"])?.status.success());
    let customer = admin.get("/v1/customers/cus_a")?.expect(200)?.json;
    assert_eq!(customer.pointer("/body/name"), Some(&json!("春熙路店")));

    // Two reps on two days stand before the door and are refused.
    for (day, user, task) in [("18", "usr_rep", "tsk_1"), ("18", "usr_second", "tsk_2"), ("19", "usr_rep", "tsk_3")] {
        server.clock(&token, &format!("2026-03-{day}T01:00:00Z"))?;
        let create = json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"});
        company.verb(user, task, "create", 1, create)?.expect(201)?;
        company.verb(user, task, "start", 1, json!({}))?.expect(200)?;
        let arrive = json!({"step": "arrive", "answers": {}, "position": there()});
        let refused = company.verb(user, task, "submit", 1, arrive)?.expect(422)?;
        ensure!(refused.json.to_string().contains("location.outside"), "{}", refused.json);
    }
    let manager = company.as_("usr_manager")?;
    let found = manager.get("/v1/customers/location-checks")?.expect(200)?.json;
    let finding = found.pointer("/items/0/finding").cloned().unwrap_or_default();
    let member = |name: &str| finding.get(name).cloned().unwrap_or_default();
    assert_eq!(member("shift"), json!("probably_gcj02"), "{found}");
    assert_eq!((member("check_ins"), member("users"), member("dates")), (json!(3), json!(2), json!(2)), "{found}");
    assert!(member("before_m").as_f64() > Some(300.0) && member("after_m").as_f64() < Some(1.0), "{found}");
    let elsewhere = company.as_("usr_manager-b")?.get("/v1/customers/location-checks")?.expect(200)?.json;
    assert_eq!(elsewhere, json!({"items": [], "next": null}));

    // A person decides: the same list, said rightly.
    ensure!(import(&["--crs", "gcj02"])?.status.success());
    let found = manager.get("/v1/customers/location-checks")?.expect(200)?.json;
    assert_eq!(found, json!({"items": [], "next": null}));
    let arrive = json!({"step": "arrive", "answers": {}, "position": there()});
    let create = json!({"id": "tsk_4", "customer": "cus_a", "origin": "ad_hoc"});
    company.verb("usr_rep", "tsk_4", "create", 1, create)?.expect(201)?;
    company.verb("usr_rep", "tsk_4", "start", 1, json!({}))?.expect(200)?;
    company.verb("usr_rep", "tsk_4", "submit", 1, arrive)?.expect(200)?;
    let again = import(&["--crs", "gcj02"])?;
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    ensure!(again.status.success() && said.contains("1 unchanged"), "{said}");
    drop(server);
    place.verify("tnt_one")
}

/// Pairs of ids that are probably one, and the first finding.
fn pairs(client: &Client, query: &str) -> anyhow::Result<(Vec<String>, Value)> {
    let found = client.get(&format!("/v1/customers/duplicates{query}"))?.expect(200)?.json;
    let items = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |item: &Value, member: &str| item.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let named = items.iter().map(|item| format!("{} {}", text(item, "customer"), text(item, "other"))).collect();
    Ok((named, items.first().and_then(|item| item.get("finding")).cloned().unwrap_or_default()))
}

/// A second list of the company, from a Chinese map: Place a once more, and two that are not alike or not near.
const SECOND: &str = "id,name,lat,lon,fields.size\ncus_c,ＰＬＡＣＥ－Ａ,29.997313,104.002278,3\ncus_d,Else,29.997313,104.002278,3\n\
    cus_e,Place a,30.01,104.0,3\n";

#[test]
fn customers_that_are_one_are_found_by_those_who_see_both() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_one")?;
    let (admin, manager) = (company.as_("usr_admin")?, company.as_("usr_manager")?);
    // Place a and Place b were put down at the same spot, in two regions: only who has both sees it.
    let (named, finding) = pairs(&admin, "")?;
    assert_eq!(named, ["cus_a cus_b"]);
    let alike = json!({"reason": "near_and_alike", "distance_m": 0.0, "name_similarity": 0.833, "overlap": null});
    assert_eq!(finding, alike);
    for client in [&manager, &company.as_("usr_manager-b")?] {
        assert_eq!(pairs(client, "")?.0, [""; 0]);
    }
    assert_eq!(pairs(&admin, "?name_similarity=0.9")?.0, [""; 0]);

    let query = "?crs=gcj02&type=place&time_zone=Asia/Shanghai&org_unit=org_a";
    admin.request("POST", &format!("/v1/customers/import{query}")).bytes(SECOND, "text/csv").send()?.expect(200)?;
    let (named, finding) = pairs(&manager, "")?;
    assert_eq!(named, ["cus_a cus_c"]);
    assert_eq!(finding.get("name_similarity"), Some(&json!(1.0)), "{finding}");
    ensure!(finding.get("distance_m").and_then(Value::as_f64) < Some(1.0), "{finding}");
    assert_eq!(pairs(&admin, "")?.0, ["cus_a cus_b", "cus_a cus_c", "cus_b cus_c"]);
    assert_eq!(pairs(&admin, "?customer=cus_c")?.0, ["cus_a cus_c", "cus_b cus_c"]);
    assert_eq!(pairs(&manager, "?customer=cus_c")?.0, ["cus_a cus_c"]);
    assert_eq!(pairs(&manager, "?customer=cus_d")?.0, [""; 0]);
    // The place of another region is not there.
    manager.get("/v1/customers/duplicates?customer=cus_b")?.expect(404)?;

    // Two areas that lie on each other, whatever they are called.
    for (id, name, west) in [("x", "River side", 0.0), ("y", "Tower", 0.0004), ("z", "Garden", 0.0015)] {
        let customer = json!({
            "type": "place", "name": name, "time_zone": "Asia/Shanghai", "org_unit": "org_a", "status": "active",
            "fields": {"size": 3},
        });
        admin.put(&format!("/v1/customers/cus_{id}"), &customer)?.expect(201)?;
        let (west, east) = (105.0 + west, 105.001 + west);
        let ring = json!([[west, 31.0], [east, 31.0], [east, 31.001], [west, 31.001], [west, 31.0]]);
        let location = json!({
            "customer": format!("cus_{id}"), "lat": 31.0, "lon": west, "crs": "wgs84", "polygon": ring, "source": "survey",
        });
        admin.put(&format!("/v1/locations/loc_{id}"), &location)?.expect(201)?;
    }
    let (named, finding) = pairs(&manager, "?customer=cus_y")?;
    assert_eq!(named, ["cus_x cus_y"]);
    assert_eq!(
        (finding.get("reason"), finding.get("overlap")),
        (Some(&json!("overlap")), Some(&json!(0.6))),
        "{finding}"
    );
    assert_eq!(pairs(&manager, "?customer=cus_y&overlap=0.65")?.0, [""; 0]);

    // A page looks at some customers, and all pages find each pair once.
    let (mut found, mut after) = (0, String::new());
    for page in 0.. {
        ensure!(page < 20, "the pages do not end");
        let page = admin.get(&format!("/v1/customers/duplicates?limit=1{after}"))?.expect(200)?.json;
        found += page.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        let Some(next) = page.get("next").and_then(Value::as_str) else { break };
        after = format!("&after={next}");
    }
    assert_eq!(found, 4);

    // Whoever is merged is no duplicate any more.
    let merged = json!({
        "type": "place", "name": "ＰＬＡＣＥ－Ａ", "time_zone": "Asia/Shanghai", "org_unit": "org_a", "status": "merged",
        "merged_into": "cus_a", "fields": {"size": 3},
    });
    admin.request("PUT", "/v1/customers/cus_c").json(&merged).saw(1).send()?.expect(200)?;
    assert_eq!(pairs(&manager, "")?.0, ["cus_x cus_y"]);
    assert_eq!(pairs(&manager, "?customer=cus_c")?.0, [""; 0]);

    let outside =
        manager.request("GET", "/v1/customers/duplicates?within_m=1001&overlap=1").header("accept-language", "zh-CN");
    let outside = outside.send()?.expect(400)?;
    let said = outside.json.to_string();
    ensure!(said.contains("within_m 应在 1 到 1000 之间") && said.contains("overlap 应在 0.1 到 0.95 之间"), "{said}");
    company.as_("usr_rep")?.get("/v1/customers/duplicates")?.expect(403)?;
    drop(server);
    place.verify("tnt_one")
}
