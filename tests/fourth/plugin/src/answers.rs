//! The answers of the steps, as far as the rules read them. What is missing is not judged.

use serde::Deserialize;

/// Step `hall`.
#[derive(Deserialize)]
pub struct Hall {
    /// Financial licence on display.
    pub licence_shown: Option<bool>,
    /// Interest rates and fees on display.
    pub fees_shown: Option<bool>,
    /// Risk warnings are current.
    pub notices_current: Option<bool>,
    /// Longest wait, in minutes.
    pub waiting_minutes: Option<i64>,
}

/// Step `cash`.
#[derive(Deserialize)]
pub struct CashCount {
    /// Tills and safes.
    #[serde(default)]
    pub boxes: Vec<CashBox>,
}

/// A till, a safe, the cassettes of a machine.
#[derive(Deserialize)]
pub struct CashBox {
    /// Its number.
    #[serde(rename = "box")]
    pub id: String,
    /// `till`, `vault` or `machine`: the key of its limit.
    pub place: String,
    /// Decimal string, CNY.
    pub booked: String,
    /// Decimal string, CNY.
    pub counted: String,
    /// Who counted.
    #[serde(default)]
    pub custodians: Vec<String>,
    /// Why they differ.
    pub reason: Option<String>,
}

/// Step `machine`.
#[derive(Deserialize)]
pub struct Machine {
    /// It serves customers.
    pub in_service: Option<bool>,
    /// Its camera sees.
    pub camera_free: Option<bool>,
    /// Something is attached to it that does not belong there.
    pub foreign_device: Option<bool>,
}

/// Step `security`.
#[derive(Deserialize)]
pub struct Security {
    /// Guard on duty.
    pub guard_present: Option<bool>,
    /// Days of recordings kept.
    pub recording_days: Option<i64>,
    /// ISO date.
    pub extinguisher_valid_to: Option<String>,
    /// The alarm was tested.
    pub alarm_tested: Option<bool>,
}
