//! Site-visit rules for building materials: one file per rule, one case file per rule in `cases/`.
//!
//! `answers.rs` fixes the answers of each step, `project.rs` the custom fields of a project and `rows.rs` the dataset rows;
//! an SOP that uses these rules has steps of those ids. Limits of the trade are parameters of the SOP (`limits.rs`),
//! because a check and the score must use the same. What must not live here: effects, weights of the score tree, caps;
//! they are the SOP's.

mod answers;
mod batch_reuse;
mod certificates;
mod competitor;
mod concrete;
mod decision_makers;
mod dry_in_rain;
mod flood_test;
mod limits;
mod materials;
mod next_step;
mod panorama;
mod project;
mod rows;
mod safety;
mod sampling;
mod site;
mod site_boundary;
mod stage;
mod steel;
mod takeoff;
mod takeoff_inflated;
mod tile_adhesive;
mod truck_tickets;
mod waterproofing;
mod win;
mod witness;
mod work;

sopwith_sdk::export_plugin! {
    name: "building-materials",
    title: { "en": "Site visit for building materials", "zh-CN": "建材项目工地拜访" },
    rules: [
        project::Project,
        site_boundary::SiteBoundary,
        safety::Safety,
        stage::Stage,
        panorama::Panorama,
        decision_makers::DecisionMakers,
        materials::Materials,
        certificates::Certificates,
        batch_reuse::BatchReuse,
        sampling::Sampling,
        witness::Witness,
        waterproofing::Waterproofing,
        dry_in_rain::DryInRain,
        flood_test::FloodTest,
        concrete::Concrete,
        truck_tickets::TruckTickets,
        steel::Steel,
        tile_adhesive::TileAdhesive,
        competitor::Competitor,
        takeoff::Takeoff,
        takeoff_inflated::TakeoffInflated,
        next_step::NextStep,
        site::Site,
    ],
}

#[cfg(test)]
mod tests;
