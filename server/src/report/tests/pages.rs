//! What stands on the page of a visit, state by state.

use super::*;

#[test]
fn a_full_visit_is_told_in_english() {
    let sop = sop(document());
    let visit = visit(&sop, &full(point()));
    let html = render(&sop, &visit, false, "en");
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    assert_has(
        &html,
        &[
            // Head.
            "Site visit report Harbour 7 Site Rep Wang Wu Business date 2026-03-04 (Wed) Procedure Site visit",
            "Decision Held for review",
            "Validity valid visit",
            "Outcome Visited productive",
            "Site score 60 of 100; 81.3 before caps",
            "Risk 44 of 100; review from 60",
            "Check-in 09:01:00 24.1 m from the customer",
            "Stay 6 min measured on the device",
            "Steps done 3 / 3",
            "Evidence 3 2 awaited",
            "Refused attempts 2",
            // Why, gravest first.
            "Held: a reviewer decides F1 Survey : A room is dirty. Check of the procedure · survey.dirty · risk weight 30 %",
            "Flagged: worth a look",
            "Survey : The work is in a hurry.",
            "2 pieces of evidence have not arrived yet.",
            "Refused on the spot (2)",
            "↺ Arrive : 1108.7 m from the customer, 120 m allowed (accuracy 12 m).",
            "↺ Survey : People: The number is too small. Accepted later.",
            // Score.
            "At most 60. Too few people. It would have been 81.3.",
            "Order 75 % 75 % 56.3 of 75",
            "Clean rooms 50 % 50 % 18.8 of 37.5",
            "Follow-up Call the foreman for: rep, due 2026-03-05 09:07",
            // Timeline.
            "Asia/Shanghai (UTC+08:00)",
            "From check-in on: 6 min (measured on the device).",
            "09:05:00 4 min Survey",
            // Evidence.
            "P1 Gate 09:00:50, 14.6 m from the check-in",
            "awaited P2 Gate",
            // Answers.
            "Pace Fast F3 Foreman •••",
            "People 2 person",
            "Area 41.5 m²",
            "Safe yes",
            "Rooms 2",
            "Room Clean Damp Tools",
            "kitchen yes nobody knows: no meter Count Tool 2 saw",
            "Bathroom r-17 no 80 %",
            "Room · kitchen",
            "Li 2026-03-04 10:00 Ask again next week",
            // Proof.
            "test.site-visit@1.2.0",
            &sop.hash,
            "cus_a, revision 7",
            "feedfacefeedface",
            "2026-03-04T02:00:00.000Z",
        ],
    );
    let pictures = html.matches("<img ").count();
    assert_eq!(pictures, 1, "the signature is personal, the other photo has not arrived");
    assert!(html.contains("src=\"data:image/png;base64,iVBORyBub3QgcmVhbGx5\" alt=\"Gate, Arrive, 09:00:50\""));
}

#[test]
fn a_full_visit_is_told_in_chinese() {
    let sop = sop(document());
    let visit = visit(&sop, &full(point()));
    let html = render(&sop, &visit, false, "zh-CN");
    assert!(html.contains("<html lang=\"zh-CN\">"));
    assert_has(
        &html,
        &[
            "走访报告 Harbour 7 工地",
            "业务日期 2026-03-04（周三）",
            "判定 待审核",
            "有效性 有效拜访",
            "工地得分 60 满分 100，封顶前 81.3",
            "距客户 24.1 米",
            "停留时长 6 分钟 设备实测",
            "暂扣：由审核人员决定 F1 勘察 ：有房间不整洁。",
            "人数：数值过小。",
            "进度 偏快",
            "房间名 整洁 湿度",
            "无法得知：no meter",
            "最高 60 分。 人手不足。",
            "跟进 致电工长",
        ],
    );
}

#[test]
fn personal_answers_are_shown_on_demand_only() {
    let mut document = document();
    // Nor does a step that is repeated over it.
    document["steps"][2]["repeat"]["over"] = "=[steps.survey.answers.foreman]".into();
    // A message that repeats the answer does not give it away either.
    document["texts"]["hurry"] = json!({"en": "{reason} is in a hurry.", "zh-CN": "{reason} 赶工。"});
    let sop = sop(document);
    let mut records = full(point());
    for record in &mut records {
        if record["body"]["instance"] == "kitchen" {
            record["body"]["instance"] = "Zhang San".into();
        }
    }
    let mut visit = visit(&sop, &records);
    assert!(visit.steps.contains_key("room[Zhang San]"));
    let survey = std::sync::Arc::make_mut(visit.steps.get_mut("survey").unwrap());
    let finding = survey.findings.iter_mut().find(|one| one.code == "survey.hurry").unwrap();
    finding.params.insert("reason".into(), "Zhang San".into());
    let finding = finding.clone();
    if let engine::visit::VisitState::Over(_, verdict) = &mut visit.state {
        verdict.findings = vec![finding];
    }
    let hidden = render(&sop, &visit, false, "en");
    assert_has_not(&hidden, &["Zhang"]);
    assert_has(&hidden, &["Personal answers are hidden (•••).", "••• is in a hurry.", "Room · •••"]);
    let shown = render(&sop, &visit, true, "en");
    assert_has(&shown, &["Foreman Zhang San", "Zhang San is in a hurry."]);
    assert_has_not(&shown, &["•••"]);
    assert_eq!(shown.matches("<img ").count(), 2);
}

#[test]
fn a_visit_nobody_checked_in_to_is_rejected_and_says_why() {
    let sop = sop(document());
    let mut records = begin(point());
    records.extend([
        submit(40, "arrive", json!({"position": position(31.24, 121.47)})),
        submit(50, "leave", json!({})),
        json!({"record": "clock", "now": "2026-03-04T10:00:00Z"}),
    ]);
    let visit = visit(&sop, &records);
    let html = render(&sop, &visit, false, "en");
    assert_has(
        &html,
        &[
            "Decision Rejected",
            "invalid visit",
            "Abandoned not counted",
            "Check-in never",
            "Check-out none Closed by policy",
            "Nobody checked in, so the visit does not stand.",
            "Required steps are missing: Arrive, Survey.",
            "Arrive missing Refused : 1108.7 m from the customer",
            "Leave missing Refused : Leave has to wait for: Survey.",
            "18:00:00 Closed by policy",
            "no score",
        ],
    );
    assert_has_not(&html, &["class=\"score\"", "id=\"answers\"", "id=\"photos\""]);
}

#[test]
fn a_visit_that_has_not_begun_or_will_not_take_place_has_a_page() {
    let sop = sop(document());
    let mut records = begin(point());
    records.truncate(2);
    let planned = render(&sop, &visit(&sop, &records), false, "en");
    assert_has(&planned, &["Decision planned", "Not judged yet", "Nothing has happened yet."]);
    records.push(command(20, "cancel", json!({"reason": "holiday"})));
    assert_has(&render(&sop, &visit(&sop, &records), false, "zh-CN"), &["判定 已取消"]);
}

#[test]
fn an_open_visit_shows_what_is_still_to_do() {
    let sop = sop(document());
    let mut records = begin(point());
    records.push(submit(60, "arrive", json!({"position": position(31.2302, 121.4701)})));
    let html = render(&sop, &visit(&sop, &records), false, "en");
    assert_has(&html, &["Not judged yet", "Survey still to do", "Leave still to do", "Not needed this time: Room."]);
    assert_has_not(&html, &["Signature"]);
}

#[test]
fn a_returned_step_shows_as_returned() {
    let sop = sop(document());
    let mut records = full(point());
    let mut back = command(500, "return", json!({"step": "survey", "reason": "blurred"}));
    back["user"] = "usr_b".into();
    records.push(back);
    let html = render(&sop, &visit(&sop, &records), false, "en");
    assert_has(&html, &["Decision Returned", "Survey returned, to be done again"]);
}

#[test]
fn a_moment_known_badly_is_shown_as_such() {
    let sop = sop(document());
    let mut records = begin(point());
    let mut arrive = submit(60, "arrive", json!({"position": position(31.2302, 121.4701)}));
    arrive["at"].as_object_mut().unwrap().remove("anchor");
    let mut survey = submit(120, "survey", json!({"answers": {"foreman": "Z", "people": 4, "pace": "slow"}}));
    survey["at"].as_object_mut().unwrap().remove("anchor");
    survey["at"]["wall"] = "2031-01-01T00:00:00Z".into();
    records.extend([arrive, survey]);
    let html = render(&sop, &visit(&sop, &records), false, "en");
    assert_has(
        &html,
        &["≈ 09:01:00", "≈ marks times by the device’s own clock alone.", "2026-02-02 09:02:00 – 09:02:00"],
    );
}

#[test]
fn the_same_visit_gives_the_same_bytes() {
    let sop = sop(document());
    let visit = visit(&sop, &full(point()));
    assert_eq!(render(&sop, &visit, false, "en"), render(&sop, &visit, false, "en"));
}
