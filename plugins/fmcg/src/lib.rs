//! Store-audit rules for fast-moving consumer goods: one file per rule, one case file per rule in `cases/`.
//!
//! `answers.rs` fixes the answers of each step and `rows.rs` the dataset rows; an SOP that uses these rules has steps of
//! those ids. A rule judges what is there: what must be there is the form's business. What must not live here: effects,
//! weights of the score tree, caps; they are the SOP's.

mod actions;
mod answers;
mod facings;
mod freshness;
mod gtin;
mod money;
mod order;
mod osa;
mod perfect_store;
mod posm;
mod price;
mod promo;
mod rows;

sopwith_sdk::export_plugin! {
    name: "fmcg",
    title: { "en": "Store audit for consumer goods", "zh-CN": "快消品巡店" },
    rules: [
        osa::Osa,
        facings::Facings,
        price::Price,
        posm::Posm,
        promo::Promo,
        freshness::Freshness,
        order::Order,
        actions::Actions,
        perfect_store::PerfectStore,
    ],
}

#[cfg(test)]
mod tests;
