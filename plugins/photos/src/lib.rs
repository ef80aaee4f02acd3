//! Fraud signals in photos and signatures: one of another customer or another day, unchanged after the work, taken of a screen, unclear,
//! made by something else than the camera that says so, signed with somebody else's strokes. One file per rule, one case file per rule in `cases/`.
//!
//! Bound to a step, a rule looks at its submission; bound to the visit, at every accepted one. Each rule gives at most one
//! finding per code and call, however many photos show the same thing. A signal a device cannot give is no signal. That the
//! same bytes were handed in before, and where and when a photo was taken, is the plugin `presence`'s to see. What must not
//! live here: what a signal does to the visit; that is the SOP's.

mod before_after;
mod copied_signature;
mod exif_contradiction;
mod near_duplicate;
mod recaptured;
mod same_parts;
mod unclear;

sopwith_sdk::export_plugin! {
    name: "photos",
    title: { "en": "Photos", "zh-CN": "照片真实性" },
    rules: [
        near_duplicate::NearDuplicate,
        before_after::BeforeAfter,
        recaptured::Recaptured,
        unclear::Unclear,
        same_parts::SameParts,
        copied_signature::CopiedSignature,
        exif_contradiction::ExifContradiction,
    ],
}

#[cfg(test)]
mod tests;
