//! Customers out of a file whose coordinates are in another system than was said: reps are refused, the check names why, and
//! the same file said rightly puts it in order.

use anyhow::ensure;
use serde_json::{Value, json};
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
