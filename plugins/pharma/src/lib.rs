//! Detailing rules for pharmaceuticals: one file per rule, one case file per rule in `cases/`.
//!
//! `answers.rs` fixes the answers of each step and `rows.rs` the dataset rows; an SOP that uses these rules has steps of
//! those ids, and repeats per doctor the steps that are about one, with the doctor's id as the instance. A rule judges
//! what is there: what must be there is the form's business. What must not live here: what one country demands and another
//! does not (config, set by the country's overlay), effects, weights of the score tree, caps; they are the SOP's.

mod answers;
mod appointment_window;
mod attendees;
mod call_quality;
mod compliance;
mod detailing;
mod gate;
mod late_entry;
mod lexicon;
mod next_step;
mod off_day;
mod patient_data;
mod pre_call;
mod questions;
mod request;
mod rows;
mod safety;
mod same_notes;
mod sample_heaping;
mod samples;
mod slide_dwell;
mod transfer;
mod two_institutions;

sopwith_sdk::export_plugin! {
    name: "pharma",
    title: { "en": "Pharmaceutical detailing", "zh-CN": "医药学术拜访" },
    rules: [
        pre_call::PreCall,
        compliance::Compliance,
        attendees::Attendees,
        detailing::Detailing,
        questions::Questions,
        samples::Samples,
        safety::Safety,
        transfer::Transfer,
        lexicon::Lexicon,
        next_step::NextStep,
        appointment_window::AppointmentWindow,
        two_institutions::TwoInstitutions,
        slide_dwell::SlideDwell,
        sample_heaping::SampleHeaping,
        late_entry::LateEntry,
        same_notes::SameNotes,
        off_day::OffDay,
        call_quality::CallQuality,
    ],
}

#[cfg(test)]
mod tests;
