//! Evidence that is not what it says, and images that would take all memory there is.

use super::{Target, is_told};
use anyhow::{Context as _, ensure};
use engine::canon::sha256_hex;
use tests::client::Answer;
use tests::png::{Pixel, black, claims};
use tests::server::Kind;

fn put(target: &Target, hash: &str, bytes: Vec<u8>, media_type: &str) -> anyhow::Result<Answer> {
    let rep = target.company.as_("usr_rep")?;
    let answer = rep.request("PUT", &format!("/v1/evidence/{hash}")).bytes(bytes, media_type).send()?;
    is_told(&answer)?;
    Ok(answer)
}

#[test]
fn evidence_is_looked_into_and_nothing_of_it_is_believed() -> anyhow::Result<()> {
    let target = Target::new(Kind::Sqlite)?;
    let whole = black(200, 200, Pixel::Grey8);
    let cut = |bytes: &[u8], keep: usize| bytes.get(..keep).unwrap_or_default().to_vec();
    let mut flipped = whole.clone();
    if let Some(byte) = flipped.get_mut(50) {
        *byte ^= 0xff;
    }
    // A JPEG that begins well and ends in its first segment.
    let jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00\x43\x00\x08".to_vec();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let mut zip = b"PK\x03\x04\x14\x00\x00\x00\x08\x00".to_vec();
    zip.extend([0_u8; 200]);
    let polyglot = [b"\x89PNG\r\n\x1a\n".as_slice(), &svg].concat();
    let cases: Vec<(&str, Vec<u8>, &str, u16, &str)> = vec![
        ("a header of 60,000 × 60,000", claims(60_000, 60_000), "image/png", 413, "evidence.pixels"),
        ("a header of 2³¹ × 2³¹", claims(0x7fff_ffff, 0x7fff_ffff), "image/png", 422, ""),
        ("a header of 0 × 0", claims(0, 0), "image/png", 422, "evidence.broken"),
        ("20,000 × 20,000 in two megabytes", black(20_000, 20_000, Pixel::Grey8), "image/png", 413, "evidence.pixels"),
        ("8,000 × 5,000 of 8 bytes each", black(8_000, 5_000, Pixel::Rgba16), "image/png", 422, "evidence.broken"),
        ("more in the header than there is", claims(4_000, 4_000), "image/png", 422, "evidence.broken"),
        ("a cut PNG", cut(&whole, whole.len() / 2), "image/png", 422, "evidence.broken"),
        ("a PNG of a header", cut(&whole, 20), "image/png", 422, "evidence.broken"),
        ("a PNG with a flipped byte", flipped, "image/png", 422, "evidence.broken"),
        ("a cut JPEG", jpeg, "image/jpeg", 422, "evidence.broken"),
        ("a GIF", b"GIF89a\x01\x00\x01\x00\x00\xff\x00,".to_vec(), "image/png", 415, "evidence.unsupported"),
        ("HTML", b"<html><script>alert(1)</script></html>".to_vec(), "image/png", 415, "evidence.unsupported"),
        ("SVG", svg, "image/png", 415, "evidence.unsupported"),
        ("SVG behind a PNG's first bytes", polyglot, "image/png", 422, "evidence.broken"),
        ("a zip", zip, "image/png", 415, "evidence.unsupported"),
        ("a program", b"\x7fELF\x02\x01\x01".to_vec(), "application/octet-stream", 415, "evidence.unsupported"),
        ("deep JSON", b"[".repeat(50_000), "application/json", 415, "evidence.unsupported"),
        ("nothing", Vec::new(), "image/png", 415, "evidence.unsupported"),
        ("a PNG said to be a JPEG", whole.clone(), "image/jpeg", 415, "evidence.mislabelled"),
        ("a PNG said to be HTML", whole.clone(), "text/html", 415, "evidence.mislabelled"),
        ("JSON said to be a PNG", b"[1]".to_vec(), "image/png", 415, "evidence.mislabelled"),
        ("too many bytes", vec![0; (16 << 20) + 1], "image/png", 413, "body.too_large"),
    ];
    for (name, bytes, media_type, status, code) in cases {
        let hash = sha256_hex(&bytes);
        let answer = put(&target, &hash, bytes, media_type).with_context(|| name.to_owned())?;
        ensure!(answer.status == status || code.is_empty(), "{name}: {} {}", answer.status, answer.json);
        ensure!((400..500).contains(&answer.status), "{name}: {} {}", answer.status, answer.json);
        ensure!(answer.code() == code || code.is_empty(), "{name}: {}", answer.json);
        let read = target.company.as_("usr_rep")?.get(&format!("/v1/evidence/{hash}"))?;
        ensure!(read.status == 404, "{name} is there: {}", read.status);
    }
    let other = put(&target, &sha256_hex(b"other"), whole.clone(), "image/png")?;
    ensure!(other.status == 422 && other.code() == "evidence.other_hash", "{}", other.json);
    for hash in ["x", "..", &"A".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
        let answer = put(&target, hash, whole.clone(), "image/png")?;
        ensure!([404, 422].contains(&answer.status), "{hash}: {}", answer.json);
    }
    put(&target, &sha256_hex(&whole), whole, "image/png")?.expect(201)?;
    // As large as an image may be: it is read, not refused, and the server is none the worse.
    let large = black(8_000, 5_000, Pixel::Grey8);
    put(&target, &sha256_hex(&large), large, "image/png")?.expect(201)?;
    target.lives()
}
