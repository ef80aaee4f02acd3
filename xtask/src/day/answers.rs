//! What a rep answers in a store: a consistent, honest audit of an outlet of its format, as the script found it.
//!
//! What is on the shelf decides facings, planogram, prices, stock and order, so that one deviation in the script shows
//! wherever it would in a real store.

use super::catalog::{Catalog, Product};
use super::chance;
use super::outlets::{Display, Format, Outlet, Outlets};
use super::photo::Wanted;
use super::script::{Entry, Script};
use super::stock::tenths;
use super::visit::edited;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who talks to reps in the stores.
const CONTACTS: &[&str] =
    &["陈店长", "李姐", "王老板", "刘经理", "周姐", "吴店长", "郑老板", "唐主管", "冯姐", "蒋经理", "何阿姨", "邓老板"];

/// The planogram's six questions.
const PLACED: [&str; 6] = ["bay", "shelf", "position", "facings", "tag", "price"];

/// Whom a rep talks to in an outlet, at every visit.
pub fn contact(outlet: &Outlet) -> &'static str {
    chance::pick(&format!("contact {}", outlet.id), CONTACTS).copied().unwrap_or("店长")
}

/// An outlet as one visit finds it.
pub struct Store<'a> {
    /// The visit.
    pub entry: &'a Entry,
    /// Where.
    pub outlet: &'a Outlet,
    /// What outlets of its format are like.
    pub outlets: &'a Outlets,
    /// The whole day.
    pub script: &'a Script,
    /// What is sold.
    pub catalog: &'a Catalog,
}

impl Store<'_> {
    /// The answers of a step, the script's own on top.
    ///
    /// # Errors
    /// The script contradicts the catalog.
    pub fn answers(&self, step: &str) -> Result<Value> {
        let answers = match step {
            "status" => self.status(),
            "osa" => self.osa()?,
            "facings" => self.facings()?,
            "planogram" => self.planogram()?,
            "price" => self.price()?,
            "posm" => self.posm()?,
            "promo" => self.promo()?,
            "stock" => json!({ "lots": self.lots()? }),
            "order" => self.order()?,
            "talk" => self.talk()?,
            "fixes" => self.fixes()?,
            _ => json!({}),
        };
        match self.entry.set.get(step) {
            Some(edits) => edited(answers, edits).with_context(|| format!("`set` of {step}")),
            None => Ok(answers),
        }
    }

    /// The evidence of a step.
    ///
    /// # Errors
    /// No such format.
    pub fn evidence(&self, step: &str) -> Result<Vec<Wanted>> {
        let photos = |requirement, class, count| Wanted { requirement, kind: "photo", class, count };
        Ok(match step {
            "check_in" => {
                let mut wanted = vec![photos("storefront", "storefront", 1)];
                match self.entry.phone.no_fix.as_deref() {
                    Some("entrance_code") => wanted.push(Wanted {
                        requirement: "entrance_code",
                        kind: "code",
                        class: "entrance_code",
                        count: 1,
                    }),
                    Some(_) => wanted.push(photos("entrance_inside", "entrance_inside", 1)),
                    None => {}
                }
                wanted
            }
            "status" if self.entry.found.not_open.is_some() => vec![photos("closed_front", "closed_front", 1)],
            "before_photo" => vec![photos("shelf", "shelf_before", self.outlet.sections())],
            "after_photo" => vec![photos("shelf", "shelf_after", self.outlet.sections())],
            "price" => vec![photos("price_tag", "price_tag", self.explained_prices())],
            "promo" => vec![photos("display", "display", 2 * self.paid_displays()?)],
            _ => Vec::new(),
        })
    }

    /// Whether the rep put anything right.
    ///
    /// # Errors
    /// The script contradicts the catalog.
    pub fn anything_fixed(&self) -> Result<bool> {
        let fixes = self.answers("fixes")?;
        let done = |fix: &Value| fix.get("done").and_then(Value::as_bool) == Some(true);
        Ok(fixes.get("fixes").and_then(Value::as_array).is_some_and(|fixes| fixes.iter().any(done)))
    }

    pub(super) fn format(&self) -> Result<&Format> {
        self.outlets.format(self.outlet)
    }

    /// Names what chance decides; an outlet keeps its habits from visit to visit.
    pub(super) fn name(&self, what: &str) -> String {
        format!("{what} {}", self.entry.visit)
    }

    /// Listed products this store has a place for.
    pub(super) fn carried(&self) -> Result<Vec<&Product>> {
        let listed = self.outlets.listed(self.outlet)?.iter();
        let carried = listed.filter(|gtin| !self.entry.found.not_applicable.contains(gtin));
        carried.map(|gtin| self.catalog.product(gtin)).collect()
    }

    fn on_shelf(&self) -> Result<Vec<&Product>> {
        Ok(self.carried()?.into_iter().filter(|product| !self.is_missing(product)).collect())
    }

    pub(super) fn is_missing(&self, product: &Product) -> bool {
        self.entry.found.missing.contains_key(&product.gtin)
    }

    fn status(&self) -> Value {
        match &self.entry.found.not_open {
            Some([status, reason]) => json!({ "status": status, "reason": reason }),
            None => json!({ "status": "open" }),
        }
    }

    fn osa(&self) -> Result<Value> {
        let found = &self.entry.found;
        let mut skus = Vec::new();
        for gtin in self.outlets.listed(self.outlet)? {
            let mut sku = json!({ "gtin": gtin, "on_shelf": true, "backroom_qty": 0 });
            if found.not_applicable.contains(gtin) {
                sku["on_shelf"] = json!(false);
                sku["not_applicable"] = json!(true);
            } else if let Some(reason) = found.missing.get(gtin) {
                sku["on_shelf"] = json!(false);
                sku["oos_reason"] = json!(reason);
                sku["backroom_qty"] = json!(self.backroom(self.catalog.product(gtin)?));
            }
            skus.push(sku);
        }
        Ok(json!({ "skus": skus }))
    }

    /// Pieces of a missing product in the back room.
    pub(super) fn backroom(&self, product: &Product) -> i64 {
        let is_there = self.entry.found.missing.get(&product.gtin).is_some_and(|reason| reason == "backroom");
        if is_there {
            chance::whole(&self.name(&format!("backroom {}", product.gtin)), 6, product.case_size)
        } else {
            0
        }
    }

    pub(super) fn facings_of(&self, product: &Product) -> Result<i64> {
        if self.is_missing(product) {
            return Ok(0);
        }
        let usual = self.format()?.facings.get(product.rank()).copied().unwrap_or(1);
        let more = chance::whole(&format!("facings {} {}", self.outlet.id, product.gtin), 0, 1);
        Ok((usual + more).max(1))
    }

    fn facings(&self) -> Result<Value> {
        let mut skus = Vec::new();
        let mut categories: BTreeMap<&str, i64> = BTreeMap::new();
        for product in self.carried()? {
            let own = self.facings_of(product)?;
            let level = ["eye", "reach", "stoop"].get(product.rank()).copied().unwrap_or("top");
            skus.push(json!({ "gtin": product.gtin, "own_facings": own, "shelf_level": level }));
            *categories.entry(&product.category).or_default() += own;
        }
        let categories: Vec<Value> =
            categories.into_iter().map(|(category, own)| self.category(category, own)).collect::<Result<_>>()?;
        Ok(json!({ "skus": skus, "categories": categories }))
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "facings are few")]
    fn category(&self, category: &str, own: i64) -> Result<Value> {
        let share = self.entry.found.share.unwrap_or(1.05);
        let habit = chance::between(&format!("share {} {category}", self.outlet.id), 0.95, 1.1);
        let all = own as f64 / (self.catalog.target(category)? * share * habit);
        Ok(json!({
            "category": category, "own_facings": own, "category_facings": (all.round() as i64).max(own + 2),
            "linear_cm": own * 7,
        }))
    }

    /// What is not where the planogram has it, by product on the shelf.
    fn misplaced(&self, product: &Product) -> Vec<&'static str> {
        let found = &self.entry.found;
        if let Some(wrong) = found.misplaced.get(&product.gtin) {
            return PLACED.into_iter().filter(|question| wrong.iter().any(|wrong| wrong == question)).collect();
        }
        let tidiness = found.tidiness.unwrap_or(0.97);
        let is_wrong =
            |question: &&str| chance::unit(&self.name(&format!("tidy {} {question}", product.gtin))) >= tidiness;
        ["position", "facings", "tag"].into_iter().filter(is_wrong).collect()
    }

    fn planogram(&self) -> Result<Value> {
        let mut skus = Vec::new();
        for product in self.carried()? {
            if !self.catalog.places(self.outlets.planogram(), &product.gtin) {
                continue;
            }
            let mut sku = json!({ "gtin": product.gtin });
            let misplaced = self.misplaced(product);
            for question in PLACED {
                // An empty place keeps its tag and price.
                let is_right = if self.is_missing(product) {
                    ["tag", "price"].contains(&question)
                } else {
                    !misplaced.contains(&question)
                };
                sku[question] = json!(is_right);
            }
            skus.push(sku);
        }
        Ok(json!({ "planogram": self.outlets.planogram(), "skus": skus }))
    }

    fn price(&self) -> Result<Value> {
        let mut skus = Vec::new();
        for product in self.on_shelf()? {
            let tag_present = !self.misplaced(product).contains(&"tag");
            let mut sku = json!({ "gtin": product.gtin, "tag_present": tag_present });
            match self.entry.found.prices.get(&product.gtin) {
                Some(price) => {
                    sku["shelf_price"] = json!(price.price);
                    if let Some(reason) = &price.reason {
                        sku["reason"] = json!(reason);
                    }
                }
                None => sku["shelf_price"] = json!(self.shelf_price(product)?),
            }
            skus.push(sku);
        }
        let carried = self.carried()?;
        let seen = self.script.competitors.iter().filter(|row| carried.iter().any(|own| own.category == row.category));
        let competitors: Vec<Value> = seen
            .map(|row| {
                json!({
                    "brand": row.brand, "pack": row.pack, "unit": row.unit, "price": row.price,
                    "promo": chance::unit(&self.name(&row.brand)) < 0.2,
                })
            })
            .collect();
        Ok(json!({ "skus": skus, "competitors": competitors, "currency": "CNY" }))
    }

    /// The recommended price at the format's level, in whole ten fen.
    fn shelf_price(&self, product: &Product) -> Result<String> {
        let rrp: f64 = product.rrp.parse().with_context(|| format!("rrp of {}", product.gtin))?;
        let habit = chance::between(&format!("price {} {}", self.outlet.id, product.gtin), 0.98, 1.02);
        let price = (rrp * self.format()?.price_level * habit * 10.0).round() / 10.0;
        Ok(format!("{price:.2}"))
    }

    fn explained_prices(&self) -> i64 {
        self.entry.found.prices.values().filter(|price| price.reason.is_some()).map(|_| 1).sum()
    }

    fn posm(&self) -> Result<Value> {
        let format = self.format()?;
        let items: Vec<Value> = format
            .material
            .iter()
            .map(|item| match self.entry.found.material_missing.get(item) {
                Some(reason) => json!({ "item": item, "expected": true, "present": false, "reason": reason }),
                None => json!({ "item": item, "expected": true, "present": true, "condition": "ok" }),
            })
            .collect();
        let coolers: Vec<Value> = (1..=format.coolers)
            .map(|number| {
                let cooler = format!("{}-{number}", self.outlet.id.replacen("cus_", "clr-", 1));
                let celsius = chance::whole(&self.name(&cooler), 32, 64);
                let purity = chance::whole(&self.name(&format!("purity {cooler}")), 88, 100);
                json!({ "cooler": cooler, "celsius": tenths(celsius), "purity_percent": purity })
            })
            .collect();
        Ok(json!({ "items": items, "coolers": coolers }))
    }

    fn promo(&self) -> Result<Value> {
        let format = self.format()?;
        let mut promotions = Vec::new();
        for promotion in &format.promotions {
            if self.catalog.runs(promotion, &self.script.date)? {
                let live = !self.entry.found.promotions_off.contains(promotion);
                promotions.push(json!({ "promo_id": promotion, "live": live, "mechanic_ok": live }));
            }
        }
        let displays: Vec<Value> = format
            .displays
            .iter()
            .map(|display| {
                let mut row = json!({
                    "display": display.display, "area_m2": display.area_m2, "present": self.stands(display),
                });
                if let Some(contract) = self.contract(display) {
                    row["fee_contract"] = json!(contract);
                }
                row
            })
            .collect();
        Ok(json!({ "promotions": promotions, "displays": displays }))
    }

    fn stands(&self, display: &Display) -> bool {
        !self.entry.found.displays_off.contains(&display.display)
    }

    fn contract(&self, display: &Display) -> Option<&str> {
        self.outlet.display_contract.as_deref().filter(|_| display.paid)
    }

    fn paid_displays(&self) -> Result<i64> {
        let displays = &self.format()?.displays;
        let is_paid = |display: &&Display| self.stands(display) && self.contract(display).is_some();
        Ok(displays.iter().filter(is_paid).map(|_| 1).sum())
    }

    fn talk(&self) -> Result<Value> {
        const TALKS: &[(&str, &str, &str)] = &[
            ("order", "agreed", "跟进订单到货并上架"),
            ("display", "agreed", "下周补一块端架陈列"),
            ("price", "considering", "门店核对系统价后改价签"),
            ("promotion", "agreed", "补齐促销价签和海报"),
            ("new_product", "considering", "带新品样品给店长试销"),
            ("freshness", "agreed", "临近效期的批次移到外排优先出货"),
            ("display", "declined", "下次带上陈列费方案再谈"),
        ];
        let contact = contact(self.outlet);
        let (topic, outcome, what) =
            chance::pick(&self.name("talk"), TALKS).copied().unwrap_or(("order", "agreed", "跟进"));
        let due = chance::days_after(&self.script.date, chance::whole(&self.name("due"), 2, 9))?;
        let owner = self.script.reps.get(&self.entry.rep).map(|rep| rep.name.as_str());
        let action = json!({ "what": what, "owner": owner, "due": due, "done": false });
        let mut talk = json!({ "contact": contact, "topic": topic, "outcome": outcome, "actions": [action] });
        if self.entry.found.nameless
            && let Some(members) = talk.as_object_mut()
        {
            members.remove("contact");
        }
        Ok(talk)
    }

    /// What was found is what there is to put right; a product that is not in the store is not.
    fn fixes(&self) -> Result<Value> {
        let fix = |what: &str, done: bool| json!({ "what": what, "done": done });
        if let Some(fixes) = &self.entry.found.fixes {
            return Ok(json!({ "fixes": fixes.iter().map(|(what, done)| fix(what, *done)).collect::<Vec<_>>() }));
        }
        let mut fixes = Vec::new();
        for product in self.carried()? {
            match self.entry.found.missing.get(&product.gtin).map(String::as_str) {
                Some("backroom") => fixes.push(fix(&format!("{}：后仓补货上架", product.name), true)),
                Some("blocked") => fixes.push(fix(&format!("{}：清出占位，恢复排面", product.name), true)),
                Some(_) => {}
                None => match self.misplaced(product).first().copied() {
                    Some("tag") => fixes.push(fix(&format!("{}：补价签", product.name), true)),
                    Some(_) => fixes.push(fix(&format!("{}：调回陈列图位置", product.name), true)),
                    None => {}
                },
            }
            if self.entry.found.old_lots.contains_key(&product.gtin) {
                fixes.push(fix(&format!("{}：老批次下架或移到外排", product.name), true));
            }
        }
        Ok(json!({ "fixes": fixes }))
    }
}
