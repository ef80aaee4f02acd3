//! What the bytes of a photo say of how it was made: EXIF, read here and nowhere else, once, when the bytes arrive.
//!
//! The standard is CIPA DC-008 (Exif 3.0). Whatever cannot be read is not there: EXIF is a hint, never a condition. What it
//! contradicts is for a rule to say.

use engine::input::Exif;
use engine::time;
use exif::{DateTime, In, Reader, Tag, Value};
use std::io::Cursor;

/// Longest name of a program, characters.
const MOST_SOFTWARE: usize = 100;
/// Time zones reach from UTC-12 to UTC+14.
const WEST_MS: i64 = 12 * 3_600_000;
/// See [`WEST_MS`].
const EAST_MS: i64 = 14 * 3_600_000;

/// What an image says; none when it says nothing of what is asked.
pub fn read(bytes: &[u8]) -> Option<Exif> {
    let read = Reader::new().read_from_container(&mut Cursor::new(bytes)).ok()?;
    let taken = taken(&read);
    let position = position(&read);
    let exif = Exif {
        taken_min_ms: taken.map(|taken| taken.0),
        taken_max_ms: taken.map(|taken| taken.1),
        lat: position.map(|position| position.0),
        lon: position.map(|position| position.1),
        software: text(&read, Tag::Software),
    };
    (exif != Exif::default()).then_some(exif)
}

/// When, as the earliest and the latest it can have been. The clock ticks in seconds.
fn taken(read: &exif::Exif) -> Option<(i64, i64)> {
    let mut at = DateTime::from_ascii(ascii(read, Tag::DateTimeOriginal)?).ok()?;
    let offset = ascii(read, Tag::OffsetTimeOriginal).filter(|offset| at.parse_offset(offset).is_ok());
    let local =
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.year, at.month, at.day, at.hour, at.minute, at.second);
    let local_ms = time::parse("DateTimeOriginal", &local).ok()?;
    match offset.and(at.offset) {
        Some(minutes) => {
            let at_ms = local_ms.saturating_sub(i64::from(minutes) * 60_000);
            Some((at_ms, at_ms.saturating_add(999)))
        }
        None => Some((local_ms.saturating_sub(EAST_MS), local_ms.saturating_add(WEST_MS + 999))),
    }
}

/// Where, in degrees. Nobody takes photos where the equator meets Greenwich: that is a phone without a fix.
fn position(read: &exif::Exif) -> Option<(f64, f64)> {
    let lat = degrees(read, Tag::GPSLatitude, Tag::GPSLatitudeRef, b"S").filter(|lat| lat.abs() <= 90.0)?;
    let lon = degrees(read, Tag::GPSLongitude, Tag::GPSLongitudeRef, b"W").filter(|lon| lon.abs() <= 180.0)?;
    (lat != 0.0 || lon != 0.0).then_some((lat, lon))
}

fn degrees(read: &exif::Exif, value: Tag, sign: Tag, negative: &[u8]) -> Option<f64> {
    let Value::Rational(parts) = &read.get_field(value, In::PRIMARY)?.value else { return None };
    let [degrees, minutes, seconds] = parts.as_slice() else { return None };
    let degrees = degrees.to_f64() + minutes.to_f64() / 60.0 + seconds.to_f64() / 3600.0;
    // Seven decimals are a centimetre.
    let degrees = (degrees * 1e7).round() / 1e7;
    let is_negative = ascii(read, sign)?.eq_ignore_ascii_case(negative);
    degrees.is_finite().then_some(if is_negative { -degrees } else { degrees })
}

fn text(read: &exif::Exif, tag: Tag) -> Option<String> {
    let text: String = String::from_utf8_lossy(ascii(read, tag)?).trim().chars().take(MOST_SOFTWARE).collect();
    (!text.is_empty()).then_some(text)
}

fn ascii(read: &exif::Exif, tag: Tag) -> Option<&[u8]> {
    match &read.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(texts) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exif::experimental::Writer;
    use exif::{Field, Rational};

    /// A JPEG of one pixel with these fields.
    fn jpeg(fields: &[(Tag, Value)]) -> Vec<u8> {
        let fields: Vec<Field> =
            fields.iter().map(|(tag, value)| Field { tag: *tag, ifd_num: In::PRIMARY, value: value.clone() }).collect();
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        let mut tiff = Cursor::new(Vec::new());
        writer.write(&mut tiff, false).unwrap();
        let mut plain = Cursor::new(Vec::new());
        image::RgbImage::new(1, 1).write_to(&mut plain, image::ImageFormat::Jpeg).unwrap();
        let (plain, block) = (plain.into_inner(), [b"Exif\0\0".as_slice(), tiff.get_ref()].concat());
        let length = u16::try_from(block.len() + 2).unwrap().to_be_bytes();
        [&plain[..2], &[0xff, 0xe1], &length, &block, &plain[2..]].concat()
    }

    fn said(text: &str) -> Value {
        Value::Ascii(vec![text.as_bytes().to_vec()])
    }

    fn dms(degrees: u32, minutes: u32, hundredths: u32) -> Value {
        let whole = |num| Rational { num, denom: 1 };
        Value::Rational(vec![whole(degrees), whole(minutes), Rational { num: hundredths, denom: 100 }])
    }

    #[test]
    fn what_a_phone_writes_is_read() {
        let bytes = jpeg(&[
            (Tag::DateTimeOriginal, said("2026:03:18 09:12:30")),
            (Tag::OffsetTimeOriginal, said("+08:00")),
            (Tag::GPSLatitude, dms(31, 13, 4944)),
            (Tag::GPSLatitudeRef, said("N")),
            (Tag::GPSLongitude, dms(121, 28, 2532)),
            (Tag::GPSLongitudeRef, said("W")),
            (Tag::Software, said("Adobe Photoshop 26.3 ")),
        ]);
        let at_ms = time::parse("at", "2026-03-18T01:12:30Z").unwrap();
        let expected = Exif {
            taken_min_ms: Some(at_ms),
            taken_max_ms: Some(at_ms + 999),
            lat: Some(31.2304),
            lon: Some(-121.473_7),
            software: Some("Adobe Photoshop 26.3".to_owned()),
        };
        assert_eq!(read(&bytes), Some(expected));
    }

    #[test]
    fn without_a_time_zone_every_zone_is_allowed_for() {
        let read = read(&jpeg(&[(Tag::DateTimeOriginal, said("2026:03:18 09:12:30"))])).unwrap();
        let east = time::parse("at", "2026-03-17T19:12:30Z").unwrap();
        let west = time::parse("at", "2026-03-18T21:12:30.999Z").unwrap();
        assert_eq!((read.taken_min_ms, read.taken_max_ms), (Some(east), Some(west)));
    }

    #[test]
    fn what_says_nothing_or_nonsense_is_not_there() {
        assert_eq!(read(&jpeg(&[(Tag::Software, said("  "))])), None);
        assert_eq!(read(&jpeg(&[(Tag::DateTimeOriginal, said("2026:02:31 09:12:30"))])), None);
        let no_fix = [(Tag::GPSLatitude, dms(0, 0, 0)), (Tag::GPSLatitudeRef, said("N"))];
        let no_fix = [no_fix, [(Tag::GPSLongitude, dms(0, 0, 0)), (Tag::GPSLongitudeRef, said("E"))]].concat();
        assert_eq!(read(&jpeg(&no_fix)), None);
        assert_eq!(read(&jpeg(&[(Tag::GPSLatitude, Value::Rational(Vec::new()))])), None);
        assert_eq!(read(b"no image"), None);
        let whole = jpeg(&[(Tag::Software, said("camera"))]);
        assert!((0..whole.len()).all(|end| read(&whole[..end]).is_none_or(|exif| exif.software.is_some())));
    }
}
