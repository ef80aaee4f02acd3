//! `project`: the site must be as large as sites are. The custom fields of a project, as the rules read them.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

/// The custom fields of a project that rules read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// `residential`, `commercial`, `industrial`, `infra` or `renovation`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Gross floor area, m².
    pub gfa_m2: Option<f64>,
    /// Designed against earthquakes.
    pub seismic: bool,
    /// Design life of the structure, years.
    pub structure_life_y: Option<f64>,
    /// Stage when the project was last looked at.
    pub last_stage: Option<String>,
    /// Administrative division it lies in, for its weather.
    pub district: Option<String>,
    /// What we may sell to it, in the currency of the tenant.
    pub expected_value: Option<f64>,
}

impl Fields {
    /// The fields of the visited project.
    ///
    /// # Errors
    /// `bad_input` when a field is of another type.
    pub fn of(input: &Input) -> Result<Self, RuleError> {
        input.customer.fields.read().map_err(|error| RuleError::new("bad_input", format!("/customer/fields: {error}")))
    }
}

/// Config of `project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Project {
    /// Smallest site, m².
    #[schemars(range(min = 0.0))]
    min_area_m2: f64,
    /// Largest site, m².
    #[schemars(range(min = 0.0))]
    max_area_m2: f64,
}

impl Default for Project {
    fn default() -> Self {
        Self { min_area_m2: 100.0, max_area_m2: 50_000_000.0 }
    }
}

impl Rule for Project {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "project",
        title: texts! { "en": "Site area", "zh-CN": "项目占地面积" },
        description: texts! {
            "en": "A site polygon that is smaller or larger than sites are was drawn wrongly; the fence cannot be trusted.",
            "zh-CN": "项目围栏面积过小或过大，说明围栏绘制有误，位置判断不可信。",
        },
        codes: &[(
            "project.site_area",
            texts! {
                "en": "The polygon of the site has {area_m2} m²; sites have {min_m2} to {max_m2} m². Have it corrected.",
                "zh-CN": "项目围栏面积为 {area_m2} 平方米，正常范围为 {min_m2} 至 {max_m2} 平方米，请申请更正。",
            },
        )],
        source: "sites are between 100 m² and 50 km²; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(area_m2) = input.customer.area_m2 else { return Ok(Findings::new()) };
        if (self.min_area_m2..=self.max_area_m2).contains(&area_m2) {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("project.site_area").with("area_m2", area_m2);
        Ok(vec![finding.with("min_m2", self.min_area_m2).with("max_m2", self.max_area_m2)])
    }
}
