//! Customers whose stored location reps keep missing together: a coordinate system that was named wrong, or a place that is
//! elsewhere. A hint with its evidence; what is done about it is a person's decision (`PUT /v1/locations/…`).

use crate::app::App;
use crate::flows::book::submitted_position;
use crate::flows::caller::Caller;
use crate::flows::load;
use crate::flows::problem::{Problem, Result};
use crate::store::{PastArrival, StoredEvent};
use engine::command::Location;
use engine::place::shift::{Arrival, CHECK_INS_MIN, ShiftFinding, shift};
use engine::task::Role;
use engine::time;
use engine::visit::VisitEvent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Who looks after locations.
const READERS: &[Role] = &[Role::Manager, Role::Admin];
/// So many of a customer's last visits are looked at.
const VISITS: usize = 20;
/// A visit may have been tried several times: so many check-ins are read for that.
const READ: u32 = 60;

/// A customer whose location is missed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LocationCheck {
    /// `cus_…`
    pub customer: String,
    /// Name for people.
    pub name: String,
    /// The location as it is stored.
    pub location: Location,
    /// What explains it, with the evidence.
    pub finding: ShiftFinding,
}

/// Findings about customers after an id, and where to go on: at most `limit` customers are looked at, so a page may have
/// fewer, or none, and another page may follow all the same.
///
/// # Errors
/// Not for this caller; those of the store.
pub async fn list(
    app: &App,
    caller: &Caller,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<LocationCheck>, Option<String>)> {
    let scope = caller.scope(READERS).ok_or_else(Problem::not_found)?;
    let tenant = caller.tenant.as_str();
    let customers = app.store.missed_customers(tenant, &scope, CHECK_INS_MIN, after, limit).await?;
    let full = customers.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = customers.last().cloned().filter(|_| full);
    let mut found = Vec::new();
    for customer in &customers {
        found.extend(check(app, tenant, customer).await?);
    }
    Ok((found, next))
}

/// What is found about one customer.
async fn check(app: &App, tenant: &str, id: &str) -> Result<Option<LocationCheck>> {
    let Some((customer, _)) = load::customer(app, tenant, id, app.clock.now_ms()).await? else { return Ok(None) };
    let Some(location) = customer.location else { return Ok(None) };
    let mut arrivals = Vec::new();
    let mut visits = BTreeSet::new();
    for past in app.store.arrivals(tenant, id, READ).await? {
        // The last try of a visit is the one that counts.
        if visits.len() < VISITS && visits.insert(past.visit.clone()) {
            arrivals.extend(arrival(app, tenant, past, &customer.time_zone).await?);
        }
    }
    let finding = shift(&location, &arrivals);
    Ok(finding.map(|finding| LocationCheck { customer: customer.id, name: customer.name, location, finding }))
}

/// Where somebody was; none if that was erased.
async fn arrival(app: &App, tenant: &str, past: PastArrival, time_zone: &str) -> Result<Option<Arrival>> {
    let stored = app.store.events(tenant, &past.visit, past.seq.saturating_sub(1), 1).await?;
    let Some(event) = stored.first().map(StoredEvent::event).transpose()? else { return Ok(None) };
    let Ok(VisitEvent::Submitted { command, .. } | VisitEvent::Refused { command, .. }) = VisitEvent::of(&event) else {
        return Ok(None);
    };
    let Some(position) = submitted_position(&command).cloned() else { return Ok(None) };
    let date = time::business_date(past.at_ms, time_zone, "00:00").unwrap_or_default();
    Ok(Some(Arrival { user: past.user, date, position }))
}
