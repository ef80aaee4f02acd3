//! What is called and with what: a submission of twenty prices, the products they belong to, and a sandbox as the server
//! has it.

use anyhow::{Context as _, bail, ensure};
use engine::canon::CanonicalJson;
use engine::rule::{Interface, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use host_api::{Compiler, Datasets, Host, HostConfig, Limits, Plugin, Row};
use serde_json::{Value, json};
use sopwith_sdk::native;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Products in the submission.
const PRODUCTS: usize = 20;

/// One call of `fmcg/price` and its surroundings.
pub struct Scene {
    /// The input, as the guest gets it.
    pub input: CanonicalJson,
    pub datasets: Arc<dyn Datasets>,
    rows: Products,
}

/// Rows of `products` by key, as text, with their hashes.
#[derive(Clone, Debug)]
struct Products(Arc<BTreeMap<String, (String, String)>>);

impl Scene {
    pub fn new() -> anyhow::Result<Self> {
        let gtin = |index: usize| format!("69012345{index:05}");
        let price = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
        let rows = (0..PRODUCTS).map(|index| {
            let row = json!({
                "gtin": gtin(index), "name": format!("Lotus Green Tea {index}, 500 ml"), "brand": "Lotus",
                "category": "soft_drinks", "tier": "core", "rrp": price(300 + index * 25), "case_size": 24,
                "shelf_life_days": 365, "pack": 500, "unit": "ml",
            });
            (gtin(index), (row.to_string(), format!("{index:064x}")))
        });
        let rows = Products(Arc::new(rows.collect()));
        let skus: Vec<Value> = (0..PRODUCTS)
            .map(|index| {
                let shelf = match index {
                    7 => 35_000,
                    _ => 310 + index * 25,
                };
                let mut sku = json!({"gtin": gtin(index), "shelf_price": price(shelf), "tag_present": true});
                if index == 11 {
                    sku["promo_price"] = json!("99.00");
                }
                sku
            })
            .collect();
        let at = json!({"wall_ms": 1_773_104_520_000_u64, "received_ms": 1_773_104_525_000_u64,
            "min_ms": 1_773_104_519_000_u64, "max_ms": 1_773_104_521_000_u64, "source": "monotonic"});
        let input = json!({
            "rule": "price", "config": {}, "parameters": {},
            "customer": {"id": "cus_lotus-road", "type": "store", "fields": {"channel": "cvs"}},
            "visit": {
                "id": "vis_0310-1", "user": "usr_chen", "origin": "plan", "business_date": "2026-03-10",
                "check_in": {"visit": "vis_0310-1", "customer": "cus_lotus-road", "at": at, "position": null},
                "dwell": null, "step_minimum_s": 0, "closed_by_policy": false,
            },
            "submission": {
                "step": "price", "instance": null, "absent": {}, "evidence": [], "position": null, "at": at,
                "answers": {
                    "currency": "CNY", "skus": skus,
                    "competitors": [{"brand": "Rival Cola", "pack": 500, "unit": "ml", "price": "300"}],
                },
            },
            "steps": {}, "last_check_in": null, "evidence_uses": [], "previous_visit": null,
        });
        Ok(Self { input: CanonicalJson::of(&input)?, datasets: Arc::new(rows.clone()), rows })
    }

    /// `fmcg/price` in this plugin.
    pub fn call(&self, plugin: &Plugin) -> RuleCall {
        RuleCall {
            rule: format!("{}/price", plugin.manifest().plugin),
            plugin_hash: plugin.hash().to_owned(),
            interface: Interface::Validate,
            input: self.input.clone(),
        }
    }

    /// What the component does, natively: JSON text in, the answer as JSON text out.
    pub fn native<P: sopwith_sdk::Plugin>(&self) -> anyhow::Result<String> {
        let answer = native::run::<P>(sopwith_sdk::Interface::Validate, "price", self.input.as_str(), &self.rows);
        let answer = answer.map_err(|error| anyhow::anyhow!("{}: {}", error.code, error.message))?;
        Ok(serde_json::to_string(&answer)?)
    }

    /// Fails unless the sandbox and the native rule say the same, and something.
    pub fn same_answer(&self, host: &Host, plugin: &Plugin) -> anyhow::Result<()> {
        let outcome = host.call(plugin, &self.call(plugin), &self.datasets);
        let native: Value = serde_json::from_str(&self.native::<fmcg::Plugin>()?)?;
        let sandboxed = serde_json::to_value(&outcome.answer)?;
        ensure!(sandboxed == native, "the component says {sandboxed}, the native rule {native}");
        let findings = native["findings"].as_array().map_or(0, Vec::len);
        ensure!(findings == 3, "{findings} findings, not 3: {native}");
        Ok(())
    }
}

impl Datasets for Products {
    fn lookup(&self, dataset: &str, key: &str) -> Row {
        let dataset_hash = "0af9".repeat(16);
        match self.0.get(key).filter(|_| dataset == "products") {
            Some((json, row_hash)) => Row::Found { json: json.clone(), dataset_hash, row_hash: row_hash.clone() },
            None => Row::Absent { dataset_hash },
        }
    }
}

impl native::Rows for Products {
    fn row(&self, dataset: &str, key: &str) -> Option<String> {
        self.0.get(key).filter(|_| dataset == "products").map(|(json, _)| json.clone())
    }
}

/// The bytes of a component that was built.
pub fn component(name: &str) -> anyhow::Result<Vec<u8>> {
    read(&tests::built("SOPWITH_PLUGINS")?.join(format!("{name}.wasm")))
}

pub fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| file.display().to_string())
}

/// A sandbox that compiles with the program.
pub fn host(limits: Limits, cache: Option<PathBuf>) -> anyhow::Result<Host> {
    let program = tests::built("SOPWITH_BIN")?;
    host_with(Compiler::Child { program, args: vec!["compile-plugin".into()] }, limits, cache)
}

pub fn host_with(compiler: Compiler, limits: Limits, cache: Option<PathBuf>) -> anyhow::Result<Host> {
    Ok(Host::new(HostConfig { cache, cache_key: [7; 32], compiler, limits })?)
}

/// Fails unless the rule answered.
pub fn answered(outcome: RuleOutcome) -> anyhow::Result<()> {
    match outcome.answer {
        RuleAnswer::Failed(failure) => bail!(failed(failure)),
        _ => Ok(()),
    }
}

pub fn failed(failure: RuleFailure) -> anyhow::Error {
    anyhow::anyhow!("the call failed: {:?}: {}", failure.code, failure.detail)
}
