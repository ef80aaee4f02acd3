//! The company the day is shown with: every record a server must hold before somebody drives the day over HTTP.
//!
//! `demo/company.json` says it, mostly in the words of the API; the outlets of the day stand in `day/customers.json` only
//! and become records here, each with its place, contact, distributor and rep.

use super::answers;
use super::chance;
use super::outlets::{Outlet, Outlets};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Kinds of records, as their paths name them, in the order they are put: what a record names stands before it.
const KINDS: [&str; 12] = [
    "org-units",
    "users",
    "grants",
    "calendars",
    "customer-types",
    "customers",
    "locations",
    "contacts",
    "relations",
    "assignments",
    "devices",
    "sop-assignments",
];

/// Members of `company.json` that are no records.
const NO_RECORDS: [&str; 2] = ["$comment", "tenant"];

/// `company.json`.
#[derive(Deserialize)]
pub struct Company {
    /// From when what is generated holds.
    since: String,
    /// Outlets the day does not know, in the form of `customers.json`.
    outlets: Vec<Outlet>,
    /// Who looks after which outlets.
    rounds: Vec<Round>,
    /// Records by kind, each with its `id`.
    #[serde(flatten)]
    records: BTreeMap<String, Value>,
}

/// The outlets of a rep.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    /// `usr_…`
    rep: String,
    /// Distributor, `cus_…`.
    supplier: String,
    /// `cus_…`
    outlets: Vec<String>,
}

/// One request.
#[derive(Serialize)]
pub struct Put {
    path: String,
    body: Value,
}

impl Company {
    /// Everything to put, in order.
    ///
    /// # Errors
    /// The file contradicts itself or the day.
    pub fn puts(&self, known: &Outlets) -> Result<Vec<Put>> {
        if let Some(kind) = self.records.keys().find(|kind| !KINDS.contains(&kind.as_str()) && !is_no_record(kind)) {
            bail!("`{kind}` is no kind of record");
        }
        let mut generated = Vec::new();
        for round in &self.rounds {
            for id in &round.outlets {
                generated.extend(self.outlet(round, id, known).with_context(|| id.clone())?);
            }
        }
        let mut puts = Vec::new();
        for kind in KINDS {
            for record in self.all(kind) {
                let mut body = record.clone();
                let id = body.as_object_mut().and_then(|members| members.remove("id"));
                let id = id.as_ref().and_then(Value::as_str).with_context(|| format!("{kind}: a record without id"))?;
                puts.push(Put { path: format!("/v1/{kind}/{id}"), body });
            }
            puts.extend(generated.extract_if(.., |(of, ..)| *of == kind).map(|(_, put)| put));
        }
        Ok(puts)
    }

    /// Whether anybody works on a date, `YYYY-MM-DD`.
    ///
    /// # Errors
    /// No such date, or no calendar.
    pub fn works_on(&self, date: &str) -> Result<bool> {
        let calendar = self.all("calendars").first().context("no calendar")?;
        let exceptions = calendar["exceptions"].as_array().into_iter().flatten();
        let exception = exceptions.into_iter().find(|exception| exception["date"] == date);
        let hours = match exception {
            Some(exception) => &exception["hours"],
            None => &calendar["weekly"][chance::weekday(date)?],
        };
        Ok(hours.as_array().is_some_and(|hours| !hours.is_empty()))
    }

    fn all(&self, kind: &str) -> &[Value] {
        self.records.get(kind).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// An outlet and what hangs on it, each with its kind.
    fn outlet(&self, round: &Round, id: &str, known: &Outlets) -> Result<Vec<(&'static str, Put)>> {
        let rep = self.all("users").iter().find(|user| user["id"] == round.rep);
        let team = &rep.with_context(|| format!("no user {}", round.rep))?["org_unit"];
        let new = self.outlets.iter().find(|outlet| outlet.id == id);
        let outlet = new.map_or_else(|| known.find(id), Ok)?;
        let mut fields = known.fields(outlet)?;
        if new.is_none() {
            fields["planogram"] = json!(known.planogram());
        }
        if let Some(contact) = &outlet.contact {
            fields["contact_name"] = json!(contact.name);
            fields["contact_phone"] = json!(contact.phone);
        }
        let mut tags = Vec::new();
        tags.extend((outlet.tier == "KA").then_some("key-account"));
        tags.extend(outlet.display_contract.as_ref().map(|_| "display-contract"));
        let stem = id.trim_start_matches("cus_");
        let put = |kind: &'static str, id: String, body: Value| (kind, Put { path: format!("/v1/{kind}/{id}"), body });
        let mut puts = vec![
            put(
                "customers",
                id.to_owned(),
                json!({
                    "type": "outlet", "name": outlet.name, "time_zone": known.time_zone, "org_unit": team,
                    "status": "active", "fields": fields, "tags": tags,
                }),
            ),
            put(
                "locations",
                format!("loc_{stem}"),
                json!({
                    "customer": id, "lat": outlet.lat, "lon": outlet.lon, "crs": outlet.crs, "accuracy_m": 10,
                    "source": "survey", "from": self.since, "to": null,
                }),
            ),
            put(
                "relations",
                format!("rel_{stem}-supplier"),
                json!({
                    "customer": id, "kind": "supplied_by", "other": round.supplier, "from": self.since, "to": null,
                }),
            ),
            put(
                "assignments",
                format!("asg_{stem}-owner"),
                json!({ "customer": id, "user": round.rep, "kind": "owner", "from": self.since, "to": null }),
            ),
        ];
        if outlet.contact.is_none() && chance::unit(&format!("card of {id}")) < 0.7 {
            puts.push(put("contacts", format!("con_{stem}"), self.contact(outlet)));
        }
        Ok(puts)
    }

    /// Whom the rep of the day talks to there.
    fn contact(&self, outlet: &Outlet) -> Value {
        let name = answers::contact(outlet);
        let runs_it = ["店长", "经理", "主管"].iter().any(|title| name.ends_with(title));
        json!({
            "customer": outlet.id, "name": name, "role": if runs_it { "manager" } else { "owner" },
            "phone": format!("+86-100-0000-{:04}", chance::whole(&format!("phone of {}", outlet.id), 1000, 9999)),
            "from": self.since, "to": null,
        })
    }
}

fn is_no_record(member: &str) -> bool {
    NO_RECORDS.contains(&member)
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;
    use std::collections::BTreeSet;

    fn puts() -> (Sources, Vec<Put>) {
        let sources = Sources::read(&crate::root()).unwrap();
        let puts = sources.company.puts(&sources.outlets).unwrap();
        (sources, puts)
    }

    /// Bodies by id.
    fn of<'a>(puts: &'a [Put], kind: &str) -> BTreeMap<&'a str, &'a Value> {
        let start = format!("/v1/{kind}/");
        puts.iter().filter_map(|put| Some((put.path.strip_prefix(&start)?, &put.body))).collect()
    }

    fn names(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| names(item, into)),
            Value::Object(members) => members.values().for_each(|member| names(member, into)),
            _ => {}
        }
    }

    #[test]
    fn what_a_record_names_was_put_before_and_nothing_is_put_twice() {
        let mut seen = BTreeSet::new();
        for put in puts().1 {
            let mut named = Vec::new();
            names(&put.body, &mut named);
            for name in named.iter().filter(|name| ["org_", "usr_", "cus_"].iter().any(|kind| name.starts_with(kind))) {
                assert!(seen.contains(name), "{} names {name}", put.path);
            }
            let id = put.path.rsplit('/').next().unwrap().to_owned();
            assert!(seen.insert(id), "{}", put.path);
        }
    }

    #[test]
    fn forty_outlets_each_with_a_place_a_supplier_and_a_rep() {
        let puts = puts().1;
        let customers = of(&puts, "customers");
        let outlets: Vec<_> =
            customers.iter().filter(|(_, body)| body["type"] == "outlet").map(|(id, _)| *id).collect();
        assert_eq!(outlets.len(), 40);
        for kind in ["locations", "relations", "assignments"] {
            let with: BTreeSet<_> = of(&puts, kind).values().map(|body| body["customer"].as_str().unwrap()).collect();
            assert!(outlets.iter().all(|outlet| with.contains(outlet)), "{kind}");
        }
        let in_chongqing = customers.values().filter(|body| body["org_unit"] == "org_chongqing-centre");
        assert_eq!(in_chongqing.count(), 6);
    }

    #[test]
    fn the_fields_of_a_customer_fit_its_type() {
        let puts = puts().1;
        let types = of(&puts, "customer-types");
        for (id, body) in of(&puts, "customers") {
            let kind = types.values().find(|kind| kind["type"] == body["type"]).unwrap();
            let faults: Vec<_> = jsonschema::validator_for(&kind["schema"])
                .unwrap()
                .iter_errors(&body["fields"])
                .map(|e| e.to_string())
                .collect();
            assert!(faults.is_empty(), "{id}: {faults:?}");
        }
    }

    #[test]
    fn the_reps_of_the_day_are_its_reps_and_visit_their_own_outlets() {
        let (sources, puts) = puts();
        let (users, devices, grants) = (of(&puts, "users"), of(&puts, "devices"), of(&puts, "grants"));
        for (user, rep) in &sources.script.reps {
            assert_eq!(users[user.as_str()]["name"], rep.name.as_str());
            assert_eq!(devices[rep.device.as_str()]["users"], json!([user]));
            assert!(grants.values().any(|grant| grant["user"] == user.as_str()
                && grant["role"] == "rep"
                && grant["org_unit"] == users[user.as_str()]["org_unit"]));
        }
        let owners = of(&puts, "assignments");
        for entry in &sources.script.visits {
            let owner = format!("{}-owner", entry.customer.replacen("cus_", "asg_", 1));
            assert_eq!(owners[owner.as_str()]["user"], entry.rep.as_str());
        }
    }

    #[test]
    fn nobody_works_on_sundays_and_holidays_but_on_make_up_days() {
        let company = puts().0.company;
        let works = |date| company.works_on(date).unwrap();
        assert!(works("2026-03-18") && works("2026-03-21"), "a Wednesday and a Saturday");
        assert!(!works("2026-03-22") && !works("2026-02-17") && !works("2026-04-06"));
        assert!(works("2026-02-28") && works("2026-09-20"), "made up for");
    }
}
