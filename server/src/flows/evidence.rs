//! Evidence: bytes under their SHA-256. What is claimed of it (type, size) is looked up in the bytes, never believed.
//!
//! It may come before or after the submission that names it: a visit that awaited it is judged again.

use crate::app::App;
use crate::flows::audit;
use crate::flows::caller::Caller;
use crate::flows::once::{settle, tenant_event};
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::{exif, reassess, tasks};
use crate::store::{Evidence, StoreError, Write};
use engine::canon;
use engine::command::EvidenceArrival;
use engine::input::Exif;
use engine::time::format_utc;
use image::{ImageFormat, ImageReader, Limits};
use serde_json::{Value, json};
use std::io::Cursor;

/// Most bytes of one piece.
pub const MAX_BYTES: usize = 16 << 20;
/// Most pixels on a side.
const MAX_SIDE: u32 = 8_192;
/// Most pixels in all.
const MAX_PIXELS: u64 = 40_000_000;
/// Most memory a decoder may take.
const MAX_DECODED: u64 = 192 << 20;

/// What the bytes are.
struct Sniffed {
    media_type: &'static str,
    pixels: Option<(u32, u32)>,
    exif: Option<Exif>,
}

/// Takes bytes that should have this hash; true when they are new.
///
/// # Errors
/// Another hash; too large; not an image or JSON track that is taken; not readable as what it begins like.
pub async fn put(app: &App, caller: &Caller, sha256: &str, claimed: Option<&str>, bytes: Vec<u8>) -> Result<bool> {
    let tenant = caller.tenant.as_str();
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Problem::invalid("", "evidence.hash", &Value::Null));
    }
    if app.store.evidence(tenant, sha256).await?.is_some() {
        return Ok(false);
    }
    if bytes.len() > MAX_BYTES {
        return Err(Problem::new(Kind::TooLarge, "body.too_large", &json!({"bytes": MAX_BYTES})));
    }
    let (sniffed, bytes) =
        tokio::task::spawn_blocking(move || (sniff(&bytes), bytes)).await.map_err(Problem::internal)?;
    let found = canon::sha256_hex(&bytes);
    if found != sha256 {
        return Err(Problem::invalid("", "evidence.other_hash", &json!({"found": found})));
    }
    let sniffed = sniffed?;
    let mislabelled =
        claimed.map(|claimed| claimed.split(';').next().unwrap_or_default().trim()).is_some_and(|claimed| {
            claimed != sniffed.media_type && claimed != "application/octet-stream" && !claimed.is_empty()
        });
    if mislabelled {
        return Err(Problem::new(Kind::Unsupported, "evidence.mislabelled", &json!({"found": sniffed.media_type})));
    }
    let row = Evidence {
        sha256: sha256.to_owned(),
        media_type: sniffed.media_type.to_owned(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        width: sniffed.pixels.map(|(width, _)| i64::from(width)),
        height: sniffed.pixels.map(|(_, height)| i64::from(height)),
        reported_by: caller.user.clone(),
        at_ms: app.clock.now_ms(),
        exif: sniffed.exif,
    };
    // ACK: the file is on disk before the row says so.
    let files = app.evidence.clone();
    let (tenant_name, hash) = (tenant.to_owned(), sha256.to_owned());
    let written = tokio::task::spawn_blocking(move || files.put(&tenant_name, &hash, &bytes));
    written
        .await
        .map_err(Problem::internal)?
        .map_err(|error| StoreError::Unavailable(format!("evidence cannot be written: {error}")))?;
    let arrival =
        EvidenceArrival { sha256: sha256.to_owned(), received: format_utc(row.at_ms), exif: row.exif.clone() };
    settle(app, tenant, || async {
        let event =
            tenant_event(tenant, "evidence_arrived", [("evidence", json!(arrival)), ("by", json!(caller.user))]);
        Ok(vec![Write::Evidence(row.clone()), event])
    })
    .await?;
    // Should this be cut short, the worker finds the visits that await what is here.
    for visit in app.store.awaiting(tenant, sha256).await? {
        reassess::evidence_arrived(app, tenant, &visit, sha256).await?;
    }
    Ok(true)
}

/// Looks into bytes: what they begin like, and for images whether they can be decoded within the limits.
fn sniff(bytes: &[u8]) -> Result<Sniffed> {
    let unsupported = || Problem::new(Kind::Unsupported, "evidence.unsupported", &Value::Null);
    let Ok(format) = image::guess_format(bytes) else {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
            && engine::form::json_depth_within(bytes, 64);
        return if is_json {
            Ok(Sniffed { media_type: "application/json", pixels: None, exif: None })
        } else {
            Err(unsupported())
        };
    };
    let media_type = match format {
        ImageFormat::Jpeg => "image/jpeg",
        ImageFormat::Png => "image/png",
        ImageFormat::WebP => "image/webp",
        _ => return Err(unsupported()),
    };
    let broken =
        |error: &dyn std::fmt::Display| Problem::invalid("", "evidence.broken", &json!({"detail": error.to_string()}));
    let (width, height) =
        ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().map_err(|error| broken(&error))?;
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Problem::new(Kind::TooLarge, "evidence.pixels", &json!({"width": width, "height": height})));
    }
    decode(bytes, format).map_err(|error| broken(&error))?;
    Ok(Sniffed { media_type, pixels: Some((width, height)), exif: exif::read(bytes) })
}

fn decode(bytes: &[u8], format: ImageFormat) -> image::ImageResult<image::DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.decode()
}

/// A piece a caller may see: they brought it, or they may see personal data and one of the visits that name it. On record.
///
/// # Errors
/// Not there, or not for this caller.
pub async fn get(app: &App, caller: &Caller, sha256: &str) -> Result<(Evidence, Vec<u8>)> {
    let tenant = caller.tenant.as_str();
    let row = app.store.evidence(tenant, sha256).await?.ok_or_else(Problem::not_found)?;
    if row.reported_by != caller.user && !may_see(app, caller, sha256).await? {
        return Err(Problem::not_found());
    }
    audit::read(app, caller, json!({"evidence": sha256})).await?;
    Ok((row, bytes(app, tenant, sha256).await?))
}

async fn may_see(app: &App, caller: &Caller, sha256: &str) -> Result<bool> {
    for visit in app.store.visits_using(&caller.tenant, sha256).await? {
        let task = format!("tsk_{}", visit.strip_prefix("vis_").unwrap_or(&visit));
        let Ok(task) = tasks::visible(app, caller, &task).await else { continue };
        let own = task.assignee.as_deref() == Some(caller.user.as_str());
        if own || tasks::sees_personal(app, caller, &task).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of evidence whose row is there.
///
/// # Errors
/// The file is gone or cannot be read.
pub async fn bytes(app: &App, tenant: &str, sha256: &str) -> Result<Vec<u8>> {
    let files = app.evidence.clone();
    let (tenant, sha256) = (tenant.to_owned(), sha256.to_owned());
    let read = tokio::task::spawn_blocking(move || files.get(&tenant, &sha256));
    Ok(read
        .await
        .map_err(Problem::internal)?
        .map_err(|error| StoreError::Unavailable(format!("evidence cannot be read: {error}")))?)
}

/// A small JPEG of an image, for a report; none if it is no image.
pub fn thumbnail(bytes: &[u8], side: u32) -> Option<Vec<u8>> {
    let format = image::guess_format(bytes).ok()?;
    let small = decode(bytes, format).ok()?.thumbnail(side, side).into_rgb8();
    let mut out = Cursor::new(Vec::new());
    small.write_to(&mut out, ImageFormat::Jpeg).ok()?;
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image::RgbImage::new(width, height).write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner()
    }

    fn code(bytes: &[u8]) -> String {
        sniff(bytes).err().map(|problem| problem.code).unwrap_or_default()
    }

    #[test]
    fn images_and_tracks_are_known_by_their_bytes() {
        let sniffed = sniff(&png(3, 2)).unwrap();
        assert_eq!((sniffed.media_type, sniffed.pixels), ("image/png", Some((3, 2))));
        assert_eq!(sniff(b"[1,2]").unwrap().media_type, "application/json");
    }

    #[test]
    fn what_is_nothing_that_is_taken_is_refused() {
        assert_eq!(code(b"GIF89a........"), "evidence.unsupported");
        assert_eq!(code(b"<html></html>"), "evidence.unsupported");
        assert_eq!(code(b""), "evidence.unsupported");
        assert_eq!(code(&[b'['; 50_000]), "evidence.unsupported");
    }

    #[test]
    fn a_cut_image_is_broken() {
        let whole = png(64, 64);
        assert_eq!(code(&whole[..whole.len() - 20]), "evidence.broken");
        assert_eq!(code(&whole[..20]), "evidence.broken");
    }

    #[test]
    fn an_image_that_claims_more_pixels_than_allowed_is_not_decoded() {
        // 60,000 × 60,000 in the header of a file of a few bytes.
        let mut bomb = png(1, 1);
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(code(&bomb), "evidence.pixels");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
    }

    #[test]
    fn a_thumbnail_is_small() {
        let small = thumbnail(&png(400, 200), 100).unwrap();
        let (width, height) =
            ImageReader::with_format(Cursor::new(&small), ImageFormat::Jpeg).into_dimensions().unwrap();
        assert_eq!((width, height), (100, 50));
        assert!(thumbnail(b"no image", 100).is_none());
    }
}
