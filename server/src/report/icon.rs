//! A few marks as inline SVG: they look alike everywhere, and say by shape what they also say by colour.

use super::html::Html;

/// The path of a mark in a square of 16.
#[derive(Clone, Copy)]
pub struct Icon(&'static str);

/// All is well.
pub const CHECK: Icon = Icon("M3 8.5l3.2 3.3L13 4.8");
/// Look at this.
pub const FLAG: Icon = Icon("M4 14V2.5h8.5L10 5.8l2.5 3.2H4");
/// Waits for a person.
pub const PAUSE: Icon = Icon("M5.5 3.5v9M10.5 3.5v9");
/// To be done again.
pub const BACK: Icon = Icon("M6 3L2.8 6.2L6 9.4M3 6.2h6.2a3.6 3.6 0 0 1 0 7.2H6");
/// No.
pub const CROSS: Icon = Icon("M4 4l8 8M12 4l-8 8");
/// For the record.
pub const DOT: Icon = Icon("M8 7.2v5M8 4v.6");
/// Not decided.
pub const OPEN: Icon = Icon("M3.2 8h.3M8 8h.3M12.6 8h.3");

/// Draws a mark; the words beside it say the same, so readers aloud pass over it.
pub fn draw(icon: Icon, html: &mut Html) {
    html.element(
        "svg",
        &[("class", "icon"), ("viewBox", "0 0 16 16"), ("width", "16"), ("height", "16"), ("aria-hidden", "true")],
        |html| html.leaf("path", &[("d", icon.0)], ""),
    );
}
