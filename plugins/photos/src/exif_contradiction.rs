//! `exif_contradiction`: the file says another time or place than the client did, or that a picture editor wrote it.
//!
//! EXIF is easily removed and easily written: a photo without it is as good as any, and one that agrees proves nothing. What
//! contradicts the client's own words does say something.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Crs, Evidence, Exif, Finding, Findings, Input, Need, Position, Rule,
    RuleError, distance_m, texts,
};

/// Config of `exif_contradiction`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExifContradiction {
    /// How far the file's time may be from what the phone's clock said at the capture, in seconds.
    #[schemars(range(min = 0.0, max = 86400.0))]
    max_time_s: f64,
    /// How far the file's place may be from where the capture was reported, in metres. The default allows for phones that write
    /// GCJ-02 where the standard wants WGS-84: up to 700 m.
    #[schemars(range(min = 0.0, max = 100000.0))]
    max_m: f64,
    /// Parts of the names of programs that edit pictures, in lower case.
    editors: Vec<String>,
}

impl Default for ExifContradiction {
    fn default() -> Self {
        let editors = ["photoshop", "lightroom", "snapseed", "gimp", "picsart", "facetune", "meitu", "美图", "醒图"];
        Self { max_time_s: 600.0, max_m: 1000.0, editors: editors.map(str::to_owned).to_vec() }
    }
}

impl ExifContradiction {
    /// The clock that the camera writes and the one the client reports are one and the same, right or wrong.
    fn is_other_time(&self, photo: &Evidence, exif: &Exif) -> bool {
        let Some((min_ms, max_ms)) = exif.taken_min_ms.zip(exif.taken_max_ms) else { return false };
        let off_ms = min_ms.saturating_sub(photo.at.wall_ms).max(photo.at.wall_ms.saturating_sub(max_ms));
        #[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
        let off_s = off_ms as f64 / 1000.0;
        off_s > self.max_time_s
    }

    fn is_other_place(&self, photo: &Evidence, exif: &Exif, input: &Input) -> bool {
        let check_in = input.visit.check_in.as_ref().and_then(|check_in| check_in.position.as_ref());
        let reported = photo.position.as_ref().or(check_in).filter(|position| position.crs != Crs::Unknown);
        let Some((reported, (lat, lon))) = reported.zip(exif.lat.zip(exif.lon)) else { return false };
        let there = Position { lat, lon, ..reported.clone() };
        distance_m(reported, &there) - reported.accuracy_m > self.max_m
    }

    fn is_edited(&self, exif: &Exif) -> bool {
        let software = exif.software.as_deref().unwrap_or_default().to_lowercase();
        self.editors.iter().any(|editor| software.contains(editor.as_str()))
    }
}

impl Rule for ExifContradiction {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "exif_contradiction",
        title: texts! { "en": "File contradicts the capture", "zh-CN": "照片文件信息矛盾" },
        description: texts! {
            "en": "Compares time, place and program that a photo's file names (EXIF) with what the client reported. Files that name none are not judged. Bind it to the visit: files are read when they arrive.",
            "zh-CN": "将照片文件内记录的时间、地点和软件（EXIF）与客户端上报的拍摄信息比较。文件没有这些信息时不作判断。文件到达后才能读取，请绑定在整个拜访上。",
        },
        // A phone does not read its own files back: this is judged where they arrive.
        needs: &[(Need::Steps, Availability::Server)],
        codes: &[
            (
                "photos.exif_time",
                texts! {
                    "en": "The file of {photos} photo(s) names another time than the capture.",
                    "zh-CN": "有 {photos} 张照片的文件时间与上报的拍摄时间不符。",
                },
            ),
            (
                "photos.exif_place",
                texts! {
                    "en": "The file of {photos} photo(s) names another place than the capture.",
                    "zh-CN": "有 {photos} 张照片的文件位置与上报的拍摄位置不符。",
                },
            ),
            (
                "photos.edited",
                texts! {
                    "en": "{photos} photo(s) were written by a picture editor.",
                    "zh-CN": "有 {photos} 张照片由图片编辑软件生成。",
                },
            ),
        ],
        source: "EXIF (CIPA DC-008); limits and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let photos: Vec<(&Evidence, &Exif)> = input
            .submissions()
            .flat_map(|submission| &submission.evidence)
            .filter_map(|photo| Some((photo, photo.exif.as_ref()?)))
            .collect();
        let found = |code: &str, is_so: &dyn Fn(&Evidence, &Exif) -> bool| {
            let hashes: Vec<&str> = photos
                .iter()
                .filter(|(photo, exif)| is_so(photo, exif))
                .map(|(photo, _)| photo.sha256.as_str())
                .collect();
            let finding = Finding::warning(code).weight(25).with("photos", hashes.len());
            (!hashes.is_empty()).then(|| finding.evidence_all(hashes))
        };
        Ok([
            found("photos.exif_time", &|photo, exif| self.is_other_time(photo, exif)),
            found("photos.exif_place", &|photo, exif| self.is_other_place(photo, exif, input)),
            found("photos.edited", &|_, exif| self.is_edited(exif)),
        ]
        .into_iter()
        .flatten()
        .collect())
    }
}
