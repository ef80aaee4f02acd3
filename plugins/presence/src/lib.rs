//! Fraud signals of a visit: was the rep there, at that time, and are the photos of this visit. One file per rule, one case
//! file per rule in `cases/`.
//!
//! Bound to a step, a rule looks at its submission; bound to the visit, at every accepted one. Each rule gives at most one
//! finding per code and call, however many photos show the same thing: weights add up over rules, not over photos. A
//! signal a device cannot give is no signal. What must not live here: what a signal does to the visit; that is the SOP's.

mod altered_device;
mod clock_skew;
mod evidence_reuse;
mod fixed_position;
mod impossible_speed;
mod measured;
mod mock_location;
mod photo_far;
mod replayed_position;
mod shared_device;
mod short_dwell;
mod stale_photo;

sopwith_sdk::export_plugin! {
    name: "presence",
    title: { "en": "Presence", "zh-CN": "到店真实性" },
    rules: [
        mock_location::MockLocation,
        altered_device::AlteredDevice,
        impossible_speed::ImpossibleSpeed,
        short_dwell::ShortDwell,
        clock_skew::ClockSkew,
        photo_far::PhotoFar,
        stale_photo::StalePhoto,
        evidence_reuse::EvidenceReuse,
        fixed_position::FixedPosition,
        replayed_position::ReplayedPosition,
        shared_device::SharedDevice,
    ],
}

#[cfg(test)]
mod tests;
