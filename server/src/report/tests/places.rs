//! The sketch map: what is drawn, and what is said where nothing can be.

use super::*;

/// The value of an attribute of the first element of a class.
fn attribute(html: &str, class: &str, name: &str) -> Option<f64> {
    let tag = html.split('<').find(|tag| tag.contains(&format!("class=\"{class}\"")))?;
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?.parse().ok()
}

fn arrived(location: Value, position: Value) -> Vec<Value> {
    let mut records = begin(location);
    let body = if position.is_null() { json!({}) } else { json!({"position": position}) };
    records.push(submit(60, "arrive", body));
    records
}

#[track_caller]
fn html_of(document: Value, records: &[Value]) -> String {
    let sop = sop(document);
    render(&sop, &visit(&sop, records), false, "en")
}

#[test]
fn the_fence_is_as_wide_as_the_engine_judged_it() {
    let html = html_of(document(), &arrived(point(), position(31.2302, 121.4701)));
    assert_has(&html, &["120 m allowed at check-in", "24.1 m from the customer, accurate to 12 m, inside the fence"]);
    let (fence, accuracy) =
        (attribute(&html, "fence", "r").unwrap(), attribute(&html, "accuracy check-in", "r").unwrap());
    assert!((fence / accuracy - 10.0).abs() < 0.02, "120 m to 12 m, drawn {fence} to {accuracy}");
    // North is up: the check-in is north of the customer's point, in the middle of the fence.
    assert!(attribute(&html, "accuracy check-in", "cy") < attribute(&html, "fence", "cy"));

    let mut wide = document();
    wide["parameters"]["radius_m"]["default"] = 400.into();
    let html = html_of(wide, &arrived(point(), position(31.2302, 121.4701)));
    assert_has(&html, &["400 m allowed at check-in"]);
    assert_eq!(html.matches("class=\"sketch\"").count(), 2, "everything is near the middle: there is a close-up");
}

#[test]
fn a_polygon_has_its_margin_around_it() {
    let mut location = point();
    location["polygon"] = json!([[121.469, 31.229], [121.471, 31.229], [121.471, 31.231], [121.469, 31.231]]);
    let html = html_of(document(), &arrived(location, position(31.2302, 121.4701)));
    assert_has(&html, &["area (WGS-84, known to 5 m)", "0 m from the customer", "inside the fence"]);
    let (edge, margin) =
        (attribute(&html, "margin-edge", "stroke-width").unwrap(), attribute(&html, "margin", "stroke-width").unwrap());
    assert!((edge - margin - 3.0).abs() < 0.02);
    assert!(html.contains("class=\"polygon\"") && !html.contains("class=\"fence\""));
}

#[test]
fn a_check_in_far_away_is_joined_to_the_customer() {
    let mut far = document();
    far["steps"][0]["location"]["outside"] = "flag".into();
    let html = html_of(far.clone(), &arrived(point(), position(31.5, 121.47)));
    assert_has(&html, &["29.9 km from the customer", "outside the fence"]);
    assert!(html.contains("<line class=\"far\""));
    let mut location = point();
    location["polygon"] = json!([[121.469, 31.229], [121.471, 31.229], [121.471, 31.231]]);
    let html_of_area = html_of(far, &arrived(location, position(31.5, 121.47)));
    assert!(html_of_area.contains("<line class=\"far\""));
    assert_eq!(html.matches("class=\"sketch\"").count(), 1);
}

#[test]
fn without_a_position_the_page_says_so() {
    let html = html_of(document(), &arrived(point(), Value::Null));
    assert_has(&html, &["Check-in : no position", "The place could not be established (the device had no position)."]);
    assert!(html.contains("class=\"fence\""));

    let html = html_of(document(), &arrived(Value::Null, Value::Null));
    assert_has(
        &html,
        &["No position: neither the customer nor the rep has a place that can be drawn.", "no known location"],
    );
    assert_has_not(&html, &["class=\"sketch\""]);
}

#[test]
fn without_a_location_of_the_customer_there_is_no_fence_to_draw() {
    let html = html_of(document(), &arrived(Value::Null, position(31.2302, 121.4701)));
    assert_has(&html, &["no known location", "accurate to 12 m, cannot be judged against the fence"]);
    assert!(html.contains("class=\"sketch\"") && !html.contains("class=\"fence\""));
}

#[test]
fn coordinates_in_an_unknown_system_are_not_drawn() {
    let (mut location, mut here) = (point(), position(31.2302, 121.4701));
    location["crs"] = "unknown".into();
    here["crs"] = "unknown".into();
    let html = html_of(document(), &arrived(location, here));
    assert_has(
        &html,
        &["Harbour 7 : coordinates in an unknown system, not drawn", "Check-in : coordinates in an unknown system"],
    );
    assert_has_not(&html, &["class=\"sketch\""]);
}

#[test]
fn gcj_02_is_drawn_on_wgs_84() {
    let (mut location, mut here) = (point(), position(31.23, 121.47));
    location["crs"] = "gcj02".into();
    here["crs"] = "gcj02".into();
    let html = html_of(document(), &arrived(location, here));
    assert_has(&html, &["point (GCJ-02, known to 5 m)", "0 m from the customer"]);
    let middle = |class, name| attribute(&html, class, name).unwrap();
    assert!((middle("fence", "cx") - middle("accuracy check-in", "cx")).abs() < 0.2);
}
