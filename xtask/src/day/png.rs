//! A small canvas of sixteen colours, and its bytes as a PNG file.
//!
//! The compressor is our own, and simple: photos are named by the hash of their bytes, so the bytes must not change with
//! the version of a library. Nothing here knows what is drawn.

/// Pixels in a row.
pub const WIDTH: i32 = 160;
/// Rows.
pub const HEIGHT: i32 = 120;
/// A filter byte, then two pixels in each byte.
const ROW: usize = 1 + WIDTH as usize / 2;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// What is drawn on: an index of the palette for each pixel.
pub struct Canvas {
    palette: [Colour; 16],
    pixels: Vec<u8>,
}

impl Canvas {
    /// Everything in colour 0.
    pub fn new(palette: [Colour; 16]) -> Self {
        Self { palette, pixels: vec![0; (WIDTH * HEIGHT) as usize] }
    }

    /// Fills a rectangle, as far as it lies on the canvas.
    pub fn fill(&mut self, [x, y, width, height]: [i32; 4], colour: u8) {
        let (from, to) = (x.clamp(0, WIDTH) as usize, (x + width).clamp(0, WIDTH) as usize);
        for row in y.clamp(0, HEIGHT)..(y + height).clamp(0, HEIGHT) {
            let start = (row * WIDTH) as usize;
            if let Some(pixels) = self.pixels.get_mut(start + from..start + to.max(from)) {
                pixels.fill(colour & 15);
            }
        }
    }

    /// The file.
    pub fn png(&self) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(WIDTH.to_be_bytes());
        header.extend(HEIGHT.to_be_bytes());
        // Four bits a pixel, by palette; the only compression and filter method there is; not interlaced.
        header.extend([4, 3, 0, 0, 0]);
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut png, b"IHDR", &header);
        chunk(&mut png, b"PLTE", self.palette.as_flattened());
        chunk(&mut png, b"IDAT", &zlib(&self.rows()));
        chunk(&mut png, b"IEND", &[]);
        png
    }

    /// The pixels as PNG packs them, no row filtered.
    fn rows(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(ROW * HEIGHT as usize);
        for row in self.pixels.chunks_exact(WIDTH as usize) {
            rows.push(0);
            rows.extend(row.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, pixel| (byte << 4) | pixel)));
        }
        rows
    }
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(data);
    let sum = crc(png.get(start..).unwrap_or_default());
    png.extend(sum.to_be_bytes());
}

/// CRC-32 of the PNG specification.
fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

/// RFC 1950: two bytes of header, the compressed data, Adler-32.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    out.extend(deflate(bytes));
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend(((b << 16) | a).to_be_bytes());
    out
}

/// RFC 1951, one block with the fixed codes. What is drawn repeats to the left and above: only there it is looked for.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(1, 1);
    bits.push(1, 2);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match longest(bytes, at) {
            Some((length, distance)) => {
                bits.length(length);
                bits.distance(distance);
                at += length;
            }
            None => {
                bits.symbol(u32::from(*byte));
                at += 1;
            }
        }
    }
    bits.symbol(256);
    bits.bytes
}

/// The longest repetition of what begins at `at`, and how far back it stands.
fn longest(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut best = None;
    let mut longest = 2;
    let above = (1..=30).flat_map(|rows| [rows * ROW, rows * ROW - 1, rows * ROW + 1]);
    for distance in (1..=8).chain(above).take_while(|distance| *distance <= at) {
        // Longer than the best so far only if it also repeats the byte after it.
        if bytes.get(at + longest) != bytes.get(at + longest - distance) {
            continue;
        }
        let back = bytes.iter().skip(at - distance);
        let length = bytes.iter().skip(at).zip(back).take(258).take_while(|(byte, back)| byte == back).count();
        if length > longest {
            longest = length;
            best = Some((length, distance));
        }
    }
    best
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    free: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= (((value >> bit) & 1) as u8) << (8 - self.free);
            }
            self.free -= 1;
        }
    }

    /// A Huffman code: its highest bit first.
    fn code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (32 - count), count);
    }

    /// A literal byte, the end (256), or the code of a length.
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    /// 3 to 258: eight codes without extra bits, then four for each number of extra bits; 258 has its own.
    fn length(&mut self, length: usize) {
        if length == 258 {
            return self.symbol(285);
        }
        let (group, extra, rest) = grouped(length as u32 - 3, 2);
        self.symbol(257 + group);
        self.push(rest, extra);
    }

    /// 1 to 32,768: four codes without extra bits, then two for each number of extra bits.
    fn distance(&mut self, distance: usize) {
        let (group, extra, rest) = grouped(distance as u32 - 1, 1);
        self.code(group, 5);
        self.push(rest, extra);
    }
}

/// Which code a value has, how many extra bits follow, and what they say, where each number of extra bits above none
/// has 2^`shared` codes and none twice as many.
fn grouped(value: u32, shared: u32) -> (u32, u32, u32) {
    let extra = (32 - value.leading_zeros()).saturating_sub(shared + 1);
    ((extra << shared) + (value >> extra), extra, value & ((1 << extra) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::chance;

    fn plain() -> Canvas {
        Canvas::new(std::array::from_fn(|index| [index as u8 * 16, 0, 255]))
    }

    fn noise() -> Canvas {
        let mut canvas = plain();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                canvas.fill([x, y, 1, 1], (chance::bits(&format!("{x} {y}")) % 16) as u8);
            }
        }
        canvas
    }

    fn striped() -> Canvas {
        let mut canvas = plain();
        for stripe in 0..16 {
            canvas.fill([stripe * 11 - 3, stripe * 5, 9, 400], stripe as u8);
        }
        canvas
    }

    #[test]
    fn another_decoder_reads_every_pixel() {
        for canvas in [plain(), noise(), striped()] {
            let image = image::load_from_memory_with_format(&canvas.png(), image::ImageFormat::Png).unwrap();
            let drawn: Vec<u8> = canvas.pixels.iter().flat_map(|pixel| canvas.palette[usize::from(*pixel)]).collect();
            assert_eq!((image.width(), image.height()), (WIDTH as u32, HEIGHT as u32));
            assert_eq!(image.into_rgb8().into_raw(), drawn);
        }
    }

    #[test]
    fn lengths_and_distances_fall_into_the_groups_of_the_specification() {
        assert_eq!(
            [0, 7, 8, 9, 10, 254].map(|value| grouped(value, 2)),
            [(0, 0, 0), (7, 0, 0), (8, 1, 0), (8, 1, 1), (9, 1, 0), (27, 5, 30)]
        );
        assert_eq!(
            [0, 3, 4, 5, 6, 32_767].map(|value| grouped(value, 1)),
            [(0, 0, 0), (3, 0, 0), (4, 1, 0), (4, 1, 1), (5, 1, 0), (29, 13, 8191)]
        );
    }

    /// Recorded hashes rest on these bytes.
    #[test]
    fn the_bytes_are_the_same_for_ever() {
        assert_eq!(chance::hash(striped().png()), "074448c499cf0acedcf4a107cbd6f074b08f8bbf2d740a6c4ca82fa6291a44df");
    }
}
