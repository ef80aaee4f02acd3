//! A visit over HTTP from planned to reviewed, on the embedded database: the walk every client takes.

use serde_json::{Value, json};
use tests::company::Company;
use tests::server::{Kind, Place, Server};

#[test]
fn a_visit_is_made_held_reviewed_and_read() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_one")?;
    company.visited("tsk_one", 500)?;
    let view = company.as_("usr_manager")?.get("/v1/tasks/tsk_one")?.expect(200)?;
    assert_eq!(view.json.pointer("/task/decision"), Some(&json!("held")), "{}", view.json);
    let reviews = company.as_("usr_manager")?.get("/v1/tasks?kind=review&state=open")?.expect(200)?;
    let review = reviews.json.pointer("/items/0").cloned().unwrap_or_default();
    assert_eq!(review.get("parent"), Some(&json!("tsk_one")), "{}", reviews.json);
    let id = review.get("id").and_then(Value::as_str).unwrap_or_default();
    let manager = company.as_("usr_manager")?;
    let approve = tests::company::envelope(json!({"reason": "counted it myself"}));
    let approved = manager
        .request("POST", &format!("/v1/tasks/{id}/approve"))
        .command("cmd_approve-1")
        .saw(review.get("version").and_then(Value::as_u64).unwrap_or_default())
        .json(&approve)
        .send()?
        .expect(200)?;
    assert_eq!(approved.json.pointer("/task/state"), Some(&json!("done")), "{}", approved.json);
    let view = manager.get("/v1/tasks/tsk_one")?.expect(200)?;
    assert_eq!(view.json.pointer("/task/decision"), Some(&json!("accepted")), "{}", view.json);
    let report = manager.get("/v1/tasks/tsk_one/report?language=zh-CN")?.expect(200)?;
    assert!(String::from_utf8_lossy(&report.bytes).contains("<html"));
    Ok(())
}
