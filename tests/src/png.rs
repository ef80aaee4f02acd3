//! Black PNG images of any size, a few bytes for thousands of pixels: what an attacker would send, made without a library.

use std::collections::VecDeque;

/// What every pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixel {
    /// One byte of grey.
    Grey8,
    /// Four times two bytes.
    Rgba16,
}

impl Pixel {
    const fn bytes(self) -> u64 {
        match self {
            Self::Grey8 => 1,
            Self::Rgba16 => 8,
        }
    }

    /// Bit depth and colour type, as the header says them.
    const fn header(self) -> [u8; 2] {
        match self {
            Self::Grey8 => [8, 0],
            Self::Rgba16 => [16, 6],
        }
    }
}

/// A black image, whole and valid.
#[must_use]
pub fn black(width: u32, height: u32, pixel: Pixel) -> Vec<u8> {
    let bytes = u64::from(height) * (1 + u64::from(width) * pixel.bytes());
    image(width, height, pixel, &[], &zlib_zeros(bytes))
}

/// A black pixel whose file says (EXIF) that this program wrote it.
#[must_use]
pub fn written_by(software: &str) -> Vec<u8> {
    let text = [software.as_bytes(), b"\0"].concat();
    let count = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    // TIFF: one directory of one field (305, text), which lies behind it.
    let tiff = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x31\0\x02", &count[..], b"\0\0\0\x1a\0\0\0\0", &text].concat();
    image(1, 1, Pixel::Grey8, &tiff, &zlib_zeros(2))
}

/// An image whose header claims a size that its few bytes do not have.
#[must_use]
pub fn claims(width: u32, height: u32) -> Vec<u8> {
    image(width, height, Pixel::Grey8, &[], &zlib_zeros(2))
}

fn image(width: u32, height: u32, pixel: Pixel, exif: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend(pixel.header());
    header.extend([0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let chunks = [(b"IHDR", header.as_slice()), (b"eXIf", exif), (b"IDAT", data), (b"IEND", &[])];
    for (name, data) in chunks.into_iter().filter(|(name, data)| *name != b"eXIf" || !data.is_empty()) {
        let named = [name.as_slice(), data].concat();
        out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(&named);
        out.extend(crc32(&named).to_be_bytes());
    }
    out
}

/// So many zeros, compressed a thousand to one: one literal, then copies of 258 bytes (RFC 1951, fixed codes).
fn zlib_zeros(count: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3); // the last block, fixed codes
    let mut left = count;
    while left > 0 && !(left - 1).is_multiple_of(258) {
        bits.code(0x30, 8);
        left -= 1;
    }
    if left > 0 {
        bits.code(0x30, 8);
        left -= 1;
    }
    for _ in 0..left / 258 {
        bits.code(0b1100_0101, 8); // 258 bytes …
        bits.code(0, 5); // … from one byte ago
    }
    bits.code(0, 7); // the end
    let mut out = vec![0x78, 0x9c];
    out.extend(bits.into_bytes());
    let adler = (u32::try_from(count % 65_521).unwrap_or_default() << 16) | 1;
    out.extend(adler.to_be_bytes());
    out
}

/// Bits, the lowest of a byte first.
#[derive(Default)]
struct Bits(VecDeque<bool>, Vec<u8>);

impl Bits {
    /// A number, its lowest bit first.
    fn push(&mut self, number: u32, length: u32) {
        (0..length).for_each(|bit| self.bit(number >> bit & 1 == 1));
    }

    /// A code, its highest bit first.
    fn code(&mut self, code: u32, length: u32) {
        (0..length).rev().for_each(|bit| self.bit(code >> bit & 1 == 1));
    }

    fn bit(&mut self, bit: bool) {
        self.0.push_back(bit);
        if self.0.len() == 8 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let byte = self.0.drain(..).enumerate().fold(0_u8, |byte, (at, bit)| byte | u8::from(bit) << at);
        self.1.push(byte);
    }

    fn into_bytes(mut self) -> Vec<u8> {
        if !self.0.is_empty() {
            self.flush();
        }
        self.1
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }))
        .collect();
    let entry = |at: u32| table.get(usize::try_from(at & 0xff).unwrap_or_default()).copied().unwrap_or_default();
    !bytes.iter().fold(!0_u32, |crc, byte| entry(crc ^ u32::from(*byte)) ^ (crc >> 8))
}
