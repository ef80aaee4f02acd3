//! `safety`: nobody goes on a site without protective equipment; a JGJ 59 inspection is added up.

use crate::answers::{self, SafetySheet};
use crate::limits::Limits;
use crate::rows::{SAFETY_SHEETS, SafetySheetRow};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, round1, texts};
use std::collections::BTreeSet;

/// Config of `safety`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Safety {}

/// Points the guarantee items of a sheet can have.
const GUARANTEE_MOST: f64 = 60.0;
/// Points the general items of a sheet can have.
const GENERAL_MOST: f64 = 40.0;

impl Rule for Safety {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "safety",
        title: texts! { "en": "Site safety", "zh-CN": "现场安全" },
        description: texts! {
            "en": "Protective equipment must be worn; the sheets of a JGJ 59 inspection are added up and graded.",
            "zh-CN": "必须佩戴个人防护用品；按 JGJ 59 检查评分表汇总得分并评定等级。",
        },
        codes: &[
            (
                "safety.ppe_missing",
                texts! {
                    "en": "Do not enter without protective equipment: {ppe} is missing.",
                    "zh-CN": "未佩戴防护用品不得进入现场，缺少{ppe}。",
                },
            ),
            (
                "safety.sheet_points",
                texts! {
                    "en": "{name}: {points} points are more than the sheet has ({most}).",
                    "zh-CN": "{name}：{points} 分超过该项满分（{most} 分）。",
                },
            ),
            (
                "safety.sheet_twice",
                texts! {
                    "en": "{name} is entered twice. Keep one row.",
                    "zh-CN": "{name} 重复填写，请只保留一行。",
                },
            ),
            (
                "safety.sheet_unknown",
                texts! { "en": "JGJ 59 has no sheet {sheet}.", "zh-CN": "JGJ 59 没有检查评分表 {sheet}。" },
            ),
            (
                "safety.sheet_zero",
                texts! {
                    "en": "{name}: the guarantee items have {guarantee} of 60 points, less than {min}; the sheet scores 0.",
                    "zh-CN": "{name}：保证项目得分 {guarantee}（满分 60），低于 {min} 分，该分项评分为 0。",
                },
            ),
            (
                "safety.good",
                texts! { "en": "Safety inspection {total}: good.", "zh-CN": "安全检查得分 {total}：优良。" },
            ),
            (
                "safety.passed",
                texts! { "en": "Safety inspection {total}: passed.", "zh-CN": "安全检查得分 {total}：合格。" },
            ),
            (
                "safety.failed",
                texts! {
                    "en": "Safety inspection {total}, {zero_sheets} sheet(s) with 0: failed.",
                    "zh-CN": "安全检查得分 {total}，零分项 {zero_sheets} 个：不合格。",
                },
            ),
        ],
        datasets: &[SAFETY_SHEETS],
        source: "JGJ 59 (80 and no zero sheet good, 70 to 79 pass); protective equipment",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::CheckIn = input.submission()?.answers_as()?;
        let limits = Limits::of(input)?;
        let mut findings = Findings::new();
        for piece in missing_ppe(&answers, &limits) {
            findings.push(Finding::error("safety.ppe_missing").at("/ppe").with("ppe", piece));
        }
        let mut seen = BTreeSet::new();
        for (index, sheet) in answers.sheets.iter().enumerate() {
            let at = format!("/sheets/{index}");
            let Some(row) = context.lookup::<SafetySheetRow>(SAFETY_SHEETS, &sheet.sheet)? else {
                let finding = Finding::error("safety.sheet_unknown").at(format!("{at}/sheet"));
                findings.push(finding.with("sheet", sheet.sheet.as_str()));
                continue;
            };
            if !seen.insert(sheet.sheet.as_str()) {
                let finding = Finding::error("safety.sheet_twice").at(format!("{at}/sheet"));
                findings.push(finding.with("name", row.name.as_str()));
            }
            findings.extend(points(sheet, &row, &at, &limits));
        }
        if !findings.iter().any(|finding| finding.code == "safety.sheet_points") {
            findings.extend(grade(&answers, &limits, context)?);
        }
        Ok(findings)
    }
}

/// What must be worn and is not.
pub fn missing_ppe<'a>(answers: &answers::CheckIn, limits: &'a Limits) -> Vec<&'a str> {
    limits.required_ppe.iter().filter(|piece| !answers.ppe.contains(piece)).map(String::as_str).collect()
}

fn points(sheet: &SafetySheet, row: &SafetySheetRow, at: &str, limits: &Limits) -> Findings {
    let mut findings = Findings::new();
    let given = [("guarantee", sheet.guarantee, GUARANTEE_MOST), ("general", sheet.general, GENERAL_MOST)];
    for (member, points, most) in given {
        if let Some(points) = points.filter(|points| !(0.0..=most).contains(points)) {
            let finding = Finding::error("safety.sheet_points").at(format!("{at}/{member}"));
            findings.push(finding.with("name", row.name.as_str()).with("points", points).with("most", most));
        }
    }
    if let Some(guarantee) = sheet.guarantee.filter(|points| *points < limits.sheet_guarantee_min) {
        let finding = Finding::warning("safety.sheet_zero").at(format!("{at}/guarantee"));
        let finding = finding.with("name", row.name.as_str()).with("guarantee", guarantee);
        findings.push(finding.with("min", limits.sheet_guarantee_min));
    }
    findings
}

/// An inspection added up.
pub struct Inspection {
    /// 0 to 100, one decimal, over the sheets that were filled in.
    pub total: f64,
    /// Sheets that score 0.
    pub zero_sheets: usize,
}

/// Adds the sheets of an inspection up; none when there are none. Sheets that do not apply to a site are left out and the
/// others count in full, as JGJ 59 has it.
///
/// # Errors
/// `bad_row`.
pub fn inspection(
    answers: &answers::CheckIn,
    limits: &Limits,
    context: &Context<'_>,
) -> Result<Option<Inspection>, RuleError> {
    let (mut points, mut weights, mut zero_sheets) = (0.0, 0.0, 0);
    for sheet in &answers.sheets {
        let Some(row) = context.lookup::<SafetySheetRow>(SAFETY_SHEETS, &sheet.sheet)? else { continue };
        let (Some(guarantee), Some(general)) = (sheet.guarantee, sheet.general) else { continue };
        let score = if guarantee < limits.sheet_guarantee_min { 0.0 } else { guarantee + general };
        zero_sheets += usize::from(score <= 0.0);
        points += row.weight * score;
        weights += row.weight;
    }
    Ok((weights > 0.0).then(|| Inspection { total: round1(points / weights), zero_sheets }))
}

fn grade(answers: &answers::CheckIn, limits: &Limits, context: &Context<'_>) -> Result<Option<Finding>, RuleError> {
    let Some(Inspection { total, zero_sheets }) = inspection(answers, limits, context)? else { return Ok(None) };
    let finding = if zero_sheets > 0 || total < limits.sheet_pass_from {
        Finding::warning("safety.failed").with("zero_sheets", zero_sheets)
    } else if total < limits.sheet_good_from {
        Finding::info("safety.passed")
    } else {
        Finding::info("safety.good")
    };
    Ok(Some(finding.at("/sheets").with("total", total)))
}
