//! The month before the day: each rep goes round the own outlets, mostly honestly.
//!
//! `demo/history.json` says from when to when and what went differently; the visits are those of the day's script told
//! again, of stores of the same size. On holidays nobody works.

use super::Sources;
use super::chance;
use super::outlets::Outlet;
use super::script::{Entry, Rep, Script};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Statuses of a store that cannot have been visited shortly before.
const GONE: [&str; 2] = ["closed_perm", "relocated"];

/// `history.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// First date, `YYYY-MM-DD`.
    from: String,
    /// Last date.
    to: String,
    /// When a rep's first and second visit may begin, `HH:MM`; up to three quarters of an hour later they do.
    starts: [String; 2],
    /// A rep makes a second visit once in so many working days.
    twice_every: usize,
    /// First visits that were like one of the day, of the same rep to the same store.
    stories: Vec<Story>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    date: String,
    /// `vis_…` of the day.
    like: String,
}

impl History {
    /// The working days, each as its script.
    ///
    /// # Errors
    /// The file contradicts itself or the day.
    pub fn days(&self, sources: &Sources) -> Result<Vec<Script>> {
        let mut days = Vec::new();
        let mut date = self.from.clone();
        while date <= self.to {
            if sources.company.works_on(&date)? {
                days.push(self.day(&date, days.len(), sources)?);
            }
            date = chance::days_after(&date, 1)?;
        }
        Ok(days)
    }

    fn day(&self, date: &str, number: usize, sources: &Sources) -> Result<Script> {
        let Script { reps, competitors, clock, .. } = &sources.script;
        let mut visits = Vec::new();
        for (index, user) in reps.keys().enumerate() {
            let round = round(user, &sources.script);
            let is_busy = (number + index * 2).is_multiple_of(self.twice_every);
            for nth in 0..if is_busy { 2 } else { 1 } {
                let visit =
                    format!("{}-{}-{}", user.replacen("usr_", "vis_", 1), chance::month_and_day(date)?, nth + 1);
                let start = self.start(&visit, nth)?;
                let own = round.get((number + nth * 2) % round.len().max(1));
                let own = own.with_context(|| format!("{user} has no outlets"))?;
                visits.push(match self.story(date, user, &sources.script)? {
                    Some(story) if nth == 0 => story.again(visit, start),
                    _ => usual(own, visit, start, sources)?,
                });
            }
        }
        let fresh = |rep: &Rep| Rep { offline: Vec::new(), reboots: vec!["07:30".to_owned()], ..rep.clone() };
        Ok(Script {
            date: date.to_owned(),
            reps: reps.iter().map(|(user, rep)| (user.clone(), fresh(rep))).collect(),
            competitors: competitors.clone(),
            clock: clock.clone(),
            visits,
        })
    }

    /// `HH:MM` of a visit.
    fn start(&self, visit: &str, nth: usize) -> Result<String> {
        let earliest = self.starts.get(nth).context("no start")?;
        let (hour, minute) = earliest.split_once(':').context("a start is `HH:MM`")?;
        let minute = minute.parse::<i64>()? + chance::whole(&format!("begin {visit}"), 0, 45);
        Ok(format!("{:02}:{:02}", hour.parse::<i64>()? + minute / 60, minute % 60))
    }

    /// The visit of the day a rep's first visit of a date is like, if it is like one.
    fn story<'a>(&self, date: &str, user: &str, script: &'a Script) -> Result<Option<&'a Entry>> {
        for story in self.stories.iter().filter(|story| story.date == date) {
            let entry = script.visits.iter().find(|entry| entry.visit == story.like);
            let entry = entry.with_context(|| format!("no visit {}", story.like))?;
            if entry.rep == user {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

/// The day's visit to each outlet of a rep that is still there.
fn round<'a>(user: &str, script: &'a Script) -> Vec<&'a Entry> {
    let mut round: Vec<&Entry> = Vec::new();
    for entry in script.visits.iter().filter(|entry| entry.rep == user) {
        let is_gone = entry.found.not_open.as_ref().is_some_and(|[status, _]| GONE.contains(&status.as_str()));
        if !is_gone && !round.iter().any(|other| other.customer == entry.customer) {
            round.push(entry);
        }
    }
    round
}

/// An honest audit of the outlet of `own`, told after one of the day in an outlet of its size.
fn usual(own: &Entry, visit: String, start: String, sources: &Sources) -> Result<Entry> {
    let outlet = sources.outlets.find(&own.customer)?;
    let template = if own.is_plain() && own.phone.no_fix.is_some() {
        own
    } else {
        let templates = templates(outlet, sources)?;
        chance::pick(&format!("template {visit}"), &templates).copied().context("no visit to tell it after")?
    };
    let mut entry = template.again(visit, start);
    entry.rep.clone_from(&own.rep);
    entry.customer.clone_from(&own.customer);
    entry.title = titled("Store audit", "门店巡店");
    entry.minutes *= chance::between(&format!("minutes {}", entry.visit), 0.95, 1.15);
    if template.customer != own.customer {
        // About that store, not about stores of its kind.
        entry.absent.remove("planogram");
        entry.found.not_applicable.clear();
    }
    if template.customer != own.customer || entry.absent.is_empty() {
        entry.set.clear();
    }
    if chance::unit(&format!("try {}", entry.visit)) < 0.7 {
        entry.forget_first_try();
    }
    let listed = sources.outlets.listed(outlet)?;
    let found = &mut entry.found;
    let is_back = |gtin: &str| chance::unit(&format!("back {gtin} {}", entry.visit)) < 0.4;
    found.fixes = None;
    found.missing.retain(|gtin, _| listed.contains(gtin) && !is_back(gtin));
    found.misplaced.retain(|gtin, _| listed.contains(gtin));
    found.prices.retain(|gtin, _| listed.contains(gtin));
    found.old_lots.retain(|gtin, _| listed.contains(gtin));
    found.orders.retain(|gtin, _| listed.contains(gtin));
    found.share = found.share.map(|share| share * chance::between(&format!("share {}", entry.visit), 0.94, 1.08));
    Ok(entry)
}

fn titled(en: &str, zh: &str) -> BTreeMap<String, String> {
    [("en", en), ("zh-CN", zh)].map(|(language, text)| (language.to_owned(), text.to_owned())).into()
}

/// Honest audits of the day whose whole story is the store's, in outlets of the size of this one.
fn templates<'a>(outlet: &Outlet, sources: &'a Sources) -> Result<Vec<&'a Entry>> {
    let script = &sources.script;
    let mut templates: Vec<&Entry> = Vec::new();
    for entry in script.visits.iter().filter(|entry| entry.is_plain() && entry.found.not_open.is_none()) {
        let is_offline = |rep: &Rep| rep.offline.iter().any(|[from, to]| (from..to).contains(&&entry.start));
        let is_about_more = entry.phone.no_fix.is_some()
            || script.reps.get(&entry.rep).is_some_and(is_offline)
            || templates.iter().any(|other| other.customer == entry.customer);
        if !is_about_more && size(sources.outlets.find(&entry.customer)?) == size(outlet) {
            templates.push(entry);
        }
    }
    Ok(templates)
}

/// Channels whose stores are alike.
fn size(outlet: &Outlet) -> &str {
    if outlet.channel == "mini" { "traditional" } else { &outlet.channel }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn days() -> (Sources, Vec<Script>) {
        let sources = Sources::read(&crate::root()).unwrap();
        let days = sources.history.days(&sources).unwrap();
        (sources, days)
    }

    #[test]
    fn reps_visit_on_working_days_only_and_each_visit_has_its_own_name() {
        let (sources, days) = days();
        assert_eq!(days.len(), 19);
        assert!(days.iter().all(|day| sources.company.works_on(&day.date).unwrap()));
        let names: Vec<_> = days.iter().flat_map(|day| &day.visits).map(|entry| &entry.visit).collect();
        assert!((110..=130).contains(&names.len()), "{}", names.len());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.iter().any(|name| *name == "vis_chen-0311-1"));
    }

    #[test]
    fn most_visits_are_honest_and_stores_take_turns() {
        let (sources, days) = days();
        let mut visits: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut plain, mut all) = (0, 0);
        for entry in days.iter().flat_map(|day| &day.visits) {
            *visits.entry(&entry.customer).or_default() += 1;
            plain += usize::from(entry.is_plain());
            all += 1;
        }
        assert!(plain * 10 > all * 9 && plain < all, "{plain} of {all}");
        assert!(visits.len() > 30 && visits.values().all(|count| (2..=8).contains(count)), "{visits:?}");
        let gone = sources.script.visits.iter().find(|entry| entry.customer == "cus_yidu").unwrap();
        assert!(!visits.contains_key(gone.customer.as_str()));
    }

    #[test]
    fn no_story_is_left_out() {
        let (sources, days) = days();
        for story in &sources.history.stories {
            let like = sources.script.visits.iter().find(|entry| entry.visit == story.like).unwrap();
            let day = days.iter().find(|day| day.date == story.date).unwrap();
            assert!(day.visits.iter().any(|entry| entry.rep == like.rep && entry.customer == like.customer));
        }
    }
}
