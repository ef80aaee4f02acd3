//! Files and what importing them would do (`cases.json`), and what applying them does: all of it, once, or nothing.

use super::*;
use crate::clock::Clock;
use crate::flows::caller::GrantNow;
use crate::flows::records;
use crate::store::{self, RecordQuery, Scope, StoreUrl, Tenant};
use encoding_rs::GB18030;
use engine::text::LANGUAGES;
use serde_json::Map;

const TENANT: &str = "tnt_one";
/// 2026-03-02T09:00:00+08:00.
const NOW: i64 = 1_772_413_200_000;

/// A company with two units, a customer type, a customer in each unit, and a location.
struct Company {
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

fn caller(org_unit: Option<&str>) -> Caller {
    let grant = GrantNow { role: Role::Admin, org_unit: org_unit.map(str::to_owned) };
    Caller { tenant: TENANT.to_owned(), user: "usr_admin".to_owned(), grants: vec![grant] }
}

impl Company {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("sopwith.db"));
        store::migrate(&url).await.unwrap();
        let store = store::open(&url, &store::Options::default()).await.unwrap();
        let (id, name, secret) = (TENANT.to_owned(), "One".to_owned(), "5e".repeat(32));
        assert!(store.create_tenant(&Tenant { id, name, suspended: false, created_ms: NOW, secret }).await.unwrap());
        let app = Arc::new(crate::serve::app(store, Clock::by_hand(NOW), folder.path(), 0).unwrap());
        let company = Self { app, _folder: folder };
        for unit in ["org_a", "org_b"] {
            company.put::<OrgUnit>(unit, json!({"name": {"en": unit}, "kind": "region", "parent": null})).await;
        }
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {
            "size": {"type": "integer", "minimum": 0}, "opened": {"type": "string", "format": "date"},
            "chain": {"type": "boolean"}, "brands": {"type": "array", "items": {"type": "string"}},
            "owner": {"type": "string", "x-personal": true}}});
        company
            .put::<CustomerType>("cty_shop", json!({"type": "shop", "title": {"en": "Shop"}, "schema": schema}))
            .await;
        let customer = |name: &str, unit: &str| {
            json!({"type": "shop", "name": name, "time_zone": "Asia/Shanghai", "org_unit": unit, "status": "active",
                "fields": {"size": 3, "owner": "Li"}, "tags": ["vip"]})
        };
        company.put::<Customer>("cus_old", customer("Old", "org_a")).await;
        company.put::<Customer>("cus_theirs", customer("Theirs", "org_b")).await;
        let location = json!({"customer": "cus_old", "lat": 30.657, "lon": 104.0657, "crs": "wgs84", "accuracy_m": 20,
            "source": "survey", "from": "2026-01-01T00:00:00Z"});
        company.put::<Location>("loc_old", location).await;
        company
    }

    async fn put<K: records::Kind>(&self, id: &str, body: Value) {
        let body: K = serde_json::from_value(body).unwrap();
        records::put(&self.app, &caller(None), id, &body, None).await.unwrap();
    }

    async fn import(&self, options: Options, file: Vec<u8>) -> Result<Report> {
        import(Arc::clone(&self.app), caller(None), options, file).await
    }

    /// All newest records of a kind.
    async fn all(&self, kind: &str) -> Vec<Record> {
        let query = RecordQuery {
            kind: kind.to_owned(),
            subject: None,
            scope: Scope::Tenant,
            at_ms: None,
            after: None,
            limit: 1_000_000,
        };
        self.app.store.records(TENANT, &query).await.unwrap()
    }

    /// Everything that anybody can see of customers and locations.
    async fn seen(&self) -> (Vec<Record>, Vec<Record>) {
        (self.all("customer").await, self.all("location").await)
    }
}

fn options(format: Format, preview: bool) -> Options {
    let defaults = Defaults {
        kind: Some("shop".to_owned()),
        time_zone: Some("Asia/Shanghai".to_owned()),
        org_unit: Some("org_a".to_owned()),
    };
    Options { format, encoding: None, crs: Some(Crs::Gcj02), defaults, preview, sample: 5 }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    table: Option<Vec<String>>,
    geojson: Option<Value>,
    /// `gbk`, or `mixed`: the last row in GBK, the others in UTF-8.
    written_in: Option<String>,
    said: Option<String>,
    crs: Option<Crs>,
    #[serde(rename = "type")]
    kind: Option<String>,
    time_zone: Option<String>,
    org_unit: Option<String>,
    /// Admin of this unit alone.
    #[serde(rename = "as")]
    as_: Option<String>,
    #[serde(default)]
    counts: Map<String, Value>,
    #[serde(default)]
    problems: Vec<(u64, String, String)>,
    refused: Option<Vec<(String, String)>>,
    encoding: Option<String>,
    customer: Option<Value>,
    location: Option<Value>,
    moved_m: Option<f64>,
    bounding_box: Option<[f64; 4]>,
}

impl Case {
    fn file(&self) -> Vec<u8> {
        if let Some(geojson) = &self.geojson {
            return geojson.to_string().into_bytes();
        }
        let lines = self.table.as_ref().expect("a table");
        let mut file = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let gbk = match self.written_in.as_deref() {
                Some("gbk") => true,
                Some("mixed") => index + 1 == lines.len(),
                _ => false,
            };
            file.extend(if gbk { GB18030.encode(line).0.into_owned() } else { line.clone().into_bytes() });
            file.extend(b"\r\n");
        }
        file
    }

    fn options(&self) -> Options {
        Options {
            format: if self.geojson.is_some() { Format::Geojson } else { Format::Csv },
            encoding: self.said.as_deref().and_then(Encoding::named),
            crs: self.crs,
            defaults: Defaults {
                kind: self.kind.clone(),
                time_zone: self.time_zone.clone(),
                org_unit: self.org_unit.clone(),
            },
            preview: true,
            sample: 5,
        }
    }

    /// What is other than told.
    fn differs(&self, result: Result<Report>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut same = |what: &str, found: Value, expected: Value| {
            if found != expected {
                wrong.push(format!("{}: {what} is {found} instead of {expected}", self.case));
            }
        };
        let report = match result {
            Ok(report) => report,
            Err(problem) => {
                let found: Vec<_> = problem.errors.iter().map(|error| (&error.pointer, &error.code)).collect();
                same("the refusal", json!(found), json!(self.refused));
                return wrong;
            }
        };
        same("the refusal", Value::Null, json!(self.refused));
        let mut expected = json!(Counts::default());
        expected.as_object_mut().unwrap().extend(self.counts.clone());
        same("the counts", json!(report.counts), expected);
        let found: Vec<_> =
            report.problems.iter().map(|found| (found.row, &found.column, &found.violation.code)).collect();
        same("the problems", json!(found), json!(self.problems));
        for problem in &report.problems {
            for language in LANGUAGES {
                let text = problem.violation.detail.get(language).unwrap_or_default();
                let whole = !text.is_empty() && text.contains(&problem.row.to_string()) && !text.contains("{");
                same("a sentence", json!((whole, text)), json!((true, text)));
            }
        }
        let first = report.sample.first();
        if let Some(encoding) = &self.encoding {
            same("the encoding", json!(report.encoding), json!(encoding));
        }
        if let Some(customer) = &self.customer {
            same("the customer", json!(first.map(|row| &row.customer)), customer.clone());
        }
        if let Some(Value::Object(location)) = &self.location {
            let found = json!(first.and_then(|row| row.location.as_ref()));
            for (member, value) in location {
                let found =
                    found.get(member).and_then(Value::as_f64).map_or(found[member].clone(), |found| json!(found));
                let value = value.as_f64().map_or(value.clone(), |value| json!(value));
                same(member, found, value);
            }
        }
        if let Some(bounding_box) = &self.bounding_box {
            same("the bounding box", json!(report.bounding_box), json!(bounding_box));
        }
        same("the distance", json!(first.and_then(|row| row.moved_m)), json!(self.moved_m));
        wrong
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_do_what_the_cases_tell_and_a_preview_nothing() {
    let company = Company::new().await;
    let before = company.seen().await;
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let result = import(Arc::clone(&company.app), caller(case.as_.as_deref()), case.options(), case.file()).await;
        wrong.extend(case.differs(result));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(company.seen().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_applied_once_and_a_moved_place_ends_the_one_before() {
    let company = Company::new().await;
    let file = b"id,name,lat,lon\ncus_old,Older,30.7,104.1\ncus_new,New,30.8,104.2\ncus_theirs,Theirs,,\n".to_vec();
    let report = company.import(options(Format::Csv, false), file.clone()).await.unwrap();
    let (new, changed, unchanged) = (report.counts.new, report.counts.changed, report.counts.unchanged);
    assert_eq!((new, changed, unchanged, report.counts.wrong), (1, 1, 1, 0));
    assert!(report.import.is_some());
    let (customers, locations) = company.seen().await;
    let named: Vec<_> =
        customers.iter().map(|record| (&*record.id, record.revision, record.body["name"].clone())).collect();
    let expected = [("cus_new", 1, json!("New")), ("cus_old", 2, json!("Older")), ("cus_theirs", 1, json!("Theirs"))];
    assert_eq!(named, expected);
    assert_eq!(customers[1].body["fields"], json!({"size": 3, "owner": "Li"}), "what no column says stays");
    let old = locations.iter().find(|record| record.id == "loc_old").unwrap();
    assert_eq!((old.revision, old.to_ms, &old.body["lat"]), (2, Some(NOW), &json!(30.657)));
    let first = company.app.store.record(TENANT, "location", "loc_old", Some(1)).await.unwrap().unwrap();
    assert_eq!(first.to_ms, None, "never overwritten");
    let next = locations.iter().find(|record| record.subject.as_deref() == Some("cus_old") && record.id != "loc_old");
    let next = next.unwrap();
    assert_eq!((next.from_ms, next.to_ms, next.org_unit.as_deref()), (Some(NOW), None, Some("org_a")));
    let said = json!({"customer": "cus_old", "lat": 30.7, "lon": 104.1, "crs": "gcj02", "accuracy_m": 20, "polygon": [],
        "source": "import", "from": "2026-03-02T01:00:00.000Z", "to": null});
    assert_eq!(next.body, said);
    let begun = locations.iter().find(|record| record.subject.as_deref() == Some("cus_new")).unwrap();
    assert_eq!(begun.from_ms, None, "a first place was always there");
    let judged = crate::flows::load::customer(&company.app, TENANT, "cus_old", NOW).await.unwrap().unwrap().0;
    assert_eq!(judged.location.map(|location| location.id), Some(next.id.clone()));
    // Again: nothing at all.
    let before = (company.seen().await, company.app.store.tip(TENANT, TENANT).await.unwrap());
    let again = company.import(options(Format::Csv, false), file).await.unwrap();
    assert_eq!((again.import, again.counts.unchanged, again.counts.rows), (None, 3, 3));
    assert_eq!((company.seen().await, company.app.store.tip(TENANT, TENANT).await.unwrap()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_row_and_nothing_is_imported() {
    let company = Company::new().await;
    let before = (company.seen().await, company.app.store.tip(TENANT, TENANT).await.unwrap());
    let rows: String = (0..1_200).map(|number| format!("cus_{number},Shop {number}\n")).collect();
    let many: String = (0..300).map(|number| format!("wrong {number},Shop\n")).collect();
    let file = format!("id,name\n{rows}{many}");
    let refused = company.import(options(Format::Csv, false), file.into_bytes()).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str(), refused.errors.len()), (No::Invalid, "import.refused", PROBLEMS));
    assert_eq!(refused.errors[0].pointer, "/1202/id");
    assert!(refused.detail.0["en"].contains("300 of 1500 rows"), "{:?}", refused.detail);
    assert_eq!((company.seen().await, company.app.store.tip(TENANT, TENANT).await.unwrap()), before);
}

/// A fault between staging and the end: whatever was staged is unseen, and a later import is not disturbed by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_half_imported_after_a_fault_in_the_middle() {
    let company = Company::new().await;
    let before = company.seen().await;
    let file = format!("id,name\n{}", (0..1_100).map(|number| format!("cus_{number},Shop\n")).collect::<String>());
    let reading = Reading {
        types: [(
            "shop".to_owned(),
            Type::new(records::customer_type(&company.app, TENANT, "shop").await.unwrap().unwrap().1).unwrap(),
        )]
        .into(),
        defaults: options(Format::Csv, false).defaults,
        crs: None,
    };
    let who = caller(None);
    let mut pass = Pass::new(&company.app, &who, &reading, NOW, 0);
    pass.staging = Some(Staging { import: "imp_cut".to_owned(), parts: 0, records: 0 });
    let (_, staging) = pass.over_and_staged(&options(Format::Csv, false), file.as_bytes()).await.unwrap();
    assert_eq!((staging.parts, staging.records), (3, 1_100));
    // The power goes here.
    assert_eq!(company.seen().await, before);
    let report = company.import(options(Format::Csv, false), file.into_bytes()).await.unwrap();
    assert_eq!((report.counts.new, company.all("customer").await.len()), (1_100, 1_102));
    // What was left is swept up once it is stale.
    company.app.clock.move_to(NOW + STALE_MS + 1);
    company.import(options(Format::Csv, false), b"id,name\ncus_last,Last\n".to_vec()).await.unwrap();
    assert_eq!(company.app.store.unstage(TENANT, "imp_cut", 0).await.unwrap(), 0);
}

/// Somebody writes one of the customers between staging and the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_overtaken_imports_nothing() {
    let company = Company::new().await;
    let file = b"id,name\ncus_new,New\ncus_old,Older\n";
    let reading = Reading {
        types: [(
            "shop".to_owned(),
            Type::new(records::customer_type(&company.app, TENANT, "shop").await.unwrap().unwrap().1).unwrap(),
        )]
        .into(),
        defaults: options(Format::Csv, false).defaults,
        crs: None,
    };
    let who = caller(None);
    let mut pass = Pass::new(&company.app, &who, &reading, NOW, 0);
    pass.staging = Some(Staging { import: "imp_late".to_owned(), parts: 0, records: 0 });
    let settings = options(Format::Csv, false);
    let (report, staging) = pass.over_and_staged(&settings, file).await.unwrap();
    let newest: Customer = records::get::<Customer>(&company.app, &who, "cus_old", None).await.unwrap().body;
    let other = Customer { name: "Quicker".to_owned(), ..newest };
    records::put(&company.app, &who, "cus_old", &other, Some(1)).await.unwrap();
    let before = company.seen().await;
    let taken = take_effect(&company.app, &who, &settings, file, (&report.counts, &staging, NOW)).await.unwrap();
    assert!(!taken);
    assert_eq!(company.seen().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_through_in_batches() {
    const ROWS: u64 = 20_000;
    let company = Company::new().await;
    let rows = |name: &str| {
        let row = |number: u64| {
            format!("cus_{number},{name} {number},{},{}\n", 20.0 + number as f64 / 1e4, 100.0 + number as f64 / 1e4)
        };
        format!("id,name,lat,lon\n{}", (0..ROWS).map(row).collect::<String>()).into_bytes()
    };
    let report = company.import(options(Format::Csv, false), rows("Shop")).await.unwrap();
    assert_eq!((report.counts.new, report.counts.located), (ROWS, ROWS));
    assert_eq!(report.bounding_box, Some([100.0, 20.0, 101.9999, 21.9999]));
    let report = company.import(options(Format::Csv, false), rows("Market")).await.unwrap();
    assert_eq!((report.counts.changed, report.counts.located, report.counts.new), (ROWS, 0, 0));
    let last = company.app.store.record(TENANT, "customer", "cus_19999", None).await.unwrap().unwrap();
    assert_eq!((last.revision, &last.body["name"]), (2, &json!("Market 19999")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_admins_import() {
    let company = Company::new().await;
    let rep = Caller { grants: vec![GrantNow { role: Role::Manager, org_unit: None }], ..caller(None) };
    let refused =
        import(Arc::clone(&company.app), rep, options(Format::Csv, true), b"id\n".to_vec()).await.unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (No::Forbidden, "role.missing"));
}
