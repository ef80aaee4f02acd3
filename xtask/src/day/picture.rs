//! What a photo of the day shows, schematically: a storefront, a shelf section, a price tag, a code.
//!
//! The facade belongs to the store, what stands on a shelf to the store and its section, what is missing there to the
//! visit, the angle to the single photo. So two visits to a store look alike, and no two photos are equal.

use super::chance;
use super::png::{Canvas, Colour, HEIGHT, WIDTH};

/// A photo, by all that decides what is on it.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// Where it was taken.
    pub customer: &'a str,
    /// During which visit.
    pub visit: &'a str,
    /// For which step.
    pub step: &'a str,
    /// What it is taken for.
    pub requirement: &'a str,
    /// Within the requirement, from 0.
    pub number: i64,
    /// Beside an attempt that was refused: which.
    pub attempt: i64,
    /// The step at which a shelf looks like this.
    pub shows: &'a str,
}

impl Picture<'_> {
    /// Its name: equal names are equal photos.
    pub fn name(&self) -> String {
        let Self { visit, step, requirement, number, attempt, .. } = self;
        format!("photo {visit} {step} {requirement} {number} {attempt}")
    }

    /// The file.
    pub fn png(&self) -> Vec<u8> {
        let name = self.name();
        let shift = |side: &str, by: i64| small(chance::whole(&format!("{side} of {name}"), -by, by));
        let mut scene =
            Scene { picture: self, canvas: Canvas::new(self.palette()), x: shift("left", 5), y: shift("top", 3) };
        match self.requirement {
            "storefront" => scene.storefront(true),
            "closed_front" => scene.storefront(false),
            "entrance_inside" => scene.inside(),
            "shelf" => scene.shelf(),
            "display" => scene.display(),
            "price_tag" => scene.tag(),
            "entrance_code" => scene.code(),
            _ => scene.other(),
        }
        scene.edge(&name);
        scene.canvas.png()
    }

    fn palette(&self) -> [Colour; 16] {
        let of = |what: &str, whose: &str, colours: &[Colour]| {
            chance::pick(&format!("{what} {whose}"), colours).copied().unwrap_or([128; 3])
        };
        let pack = |number: u8| of(&format!("pack {number}"), self.customer, PACKS);
        [
            of("sky", self.visit, SKIES),
            [150, 146, 140],
            of("wall", self.customer, WALLS),
            of("trim", self.customer, TRIMS),
            of("sign", self.customer, SIGNS),
            [176, 205, 214],
            [250, 250, 246],
            [45, 48, 54],
            [168, 172, 176],
            pack(0),
            pack(1),
            pack(2),
            pack(3),
            pack(4),
            pack(5),
            [232, 228, 216],
        ]
    }
}

const SKIES: &[Colour] = &[[199, 221, 235], [214, 219, 222], [183, 209, 232], [226, 224, 214]];
const WALLS: &[Colour] = &[[203, 189, 167], [178, 164, 150], [214, 205, 194], [160, 158, 160], [190, 150, 128]];
const TRIMS: &[Colour] = &[[92, 74, 60], [70, 84, 96], [110, 110, 112], [60, 92, 80]];
const SIGNS: &[Colour] = &[[188, 44, 40], [22, 110, 78], [24, 84, 158], [222, 120, 22], [120, 52, 128], [12, 132, 148]];
const PACKS: &[Colour] = &[
    [60, 148, 86],
    [206, 62, 54],
    [240, 184, 44],
    [58, 112, 190],
    [146, 88, 54],
    [236, 236, 228],
    [226, 130, 160],
    [110, 78, 150],
    [38, 160, 164],
    [238, 138, 48],
];

const GROUND: u8 = 1;
const WALL: u8 = 2;
const TRIM: u8 = 3;
const SIGN: u8 = 4;
const GLASS: u8 = 5;
const WHITE: u8 = 6;
const DARK: u8 = 7;
const METAL: u8 = 8;
/// The first of six.
const PACK: u8 = 9;
const LIGHT: u8 = 15;

/// A picture being drawn; `x` and `y` are how far the camera stood aside.
struct Scene<'a> {
    picture: &'a Picture<'a>,
    canvas: Canvas,
    x: i32,
    y: i32,
}

impl Scene<'_> {
    fn fill(&mut self, [x, y, width, height]: [i32; 4], colour: u8) {
        self.canvas.fill([x + self.x, y + self.y, width, height], colour);
    }

    /// Chance that belongs to the store.
    fn store(&self, what: &str, from: i64, to: i64) -> i32 {
        small(chance::whole(&format!("{what} of {}", self.picture.customer), from, to))
    }

    fn storefront(&mut self, is_open: bool) {
        self.fill([-10, 14, 180, 110], WALL);
        for window in 0..6 {
            self.fill([8 + 26 * window, 19, 14, 12], GLASS);
        }
        self.fill([4, 36, 152, 24], SIGN);
        self.letters([0, 38], 2 + self.store("letters", 3, 6));
        let door = [14, 65, 114].get(self.store("door", 0, 2).unsigned_abs() as usize).copied().unwrap_or(65);
        if is_open {
            self.fill([4, 64, 152, 48], GLASS);
            for pile in 0..8 {
                let height = self.store(&format!("pile {pile}"), 6, 20);
                self.fill([8 + 18 * pile, 108 - height, 14, height], PACK + colour(pile));
            }
            self.fill([door, 64, 32, 48], TRIM);
            self.fill([door + 3, 67, 26, 45], WHITE);
            self.fill([door + 25, 86, 2, 9], DARK);
        } else {
            self.fill([4, 64, 152, 48], METAL);
            for line in 0..12 {
                self.fill([4, 64 + line * 4, 152, 1], TRIM);
            }
            self.fill([door + 4, 74, 22, 26], WHITE);
            self.text([door + 7, 78, 16], 5);
        }
        self.fill([-10, 112, 180, 20], GROUND);
    }

    /// A sign's letters, side by side in its middle.
    fn letters(&mut self, [left, top]: [i32; 2], count: i32) {
        let left = left + (WIDTH - count * 17) / 2;
        for letter in 0..count {
            let bits = chance::bits(&format!("letter {letter} of {}", self.picture.customer));
            for cell in (0..30).filter(|cell| bits >> cell & 1 == 1 || cell % 11 == 0) {
                self.fill([left + letter * 17 + cell % 5 * 3, top + 1 + cell / 5 * 3, 3, 3], WHITE);
            }
        }
    }

    /// Lines of text too small to read.
    fn text(&mut self, [left, top, width]: [i32; 3], lines: i32) {
        for line in 0..lines {
            self.fill([left, top + line * 4, width - line % 3 * 3, 2], DARK);
        }
    }

    fn inside(&mut self) {
        self.fill([-10, -10, 180, 140], WALL);
        self.fill([-10, 96, 180, 40], GROUND);
        self.fill([46, 14, 70, 86], METAL);
        self.fill([50, 18, 62, 82], 0);
        self.fill([50, 74, 62, 26], LIGHT);
        self.fill([80, 18, 2, 82], METAL);
        for pile in 0..5 {
            let height = self.store(&format!("counter {pile}"), 10, 30);
            self.fill([pile * 9 - 3, 96 - height, 8, height], PACK + colour(pile));
        }
        self.fill([122, 70, 44, 34], TRIM);
    }

    fn shelf(&mut self) {
        let Picture { customer, visit, number, shows, .. } = *self.picture;
        let section = format!("{customer} {number}");
        self.fill([-10, -10, 180, 140], LIGHT);
        for board in 0..4 {
            let floor = 28 + board * 28;
            self.fill([-10, floor, 180, 4], METAL);
            let (mut left, mut product) = (-8, 0);
            while left < WIDTH + 8 {
                let name = format!("{board} {product}");
                let of = |what: &str, from, to| small(chance::whole(&format!("{what} {section} {name}"), from, to));
                let (width, height, facings) = (of("width", 6, 12), of("height", 12, 21), of("facings", 2, 4));
                let is_gap = shows != "after_photo" && chance::unit(&format!("gap {visit} {number} {name}")) < 0.16;
                for facing in 0..if is_gap { 0 } else { facings } {
                    let x = left + facing * width;
                    self.fill([x, floor - height, width - 1, height], PACK + colour(of("colour", 0, 5)));
                    self.fill([x + 1, floor - height * 2 / 3, width - 3, 4], WHITE);
                }
                self.fill([left, floor + 1, 7, 2], WHITE);
                left += width * facings + 1;
                product += 1;
            }
        }
    }

    fn display(&mut self) {
        let left = small(self.picture.number % 2) * 12;
        self.fill([-10, -10, 180, 140], WALL);
        self.fill([-10, 92, 180, 40], GROUND);
        self.fill([50, 6, 60, 24], SIGN);
        self.letters([0, 7], 3);
        for row in 0..4 {
            for carton in 0..3 + row {
                let x = 62 - row * 12 + carton * 24 - left;
                let top = 34 + row * 18;
                self.fill([x, top, 22, 17], PACK + colour(self.store("carton", 0, 5)));
                self.fill([x + 4, top + 4, 14, 5], WHITE);
                self.fill([x + 22 - left * 2, top, 2, 17], TRIM);
            }
        }
    }

    fn tag(&mut self) {
        let name = self.picture.name();
        self.fill([-10, -10, 180, 140], LIGHT);
        for pack in 0..4 {
            self.fill([pack * 42 - 4, -4, 38, 42], PACK + colour(self.store("tagged", 0, 5)));
            self.fill([pack * 42 + 2, 10, 26, 12], WHITE);
        }
        self.fill([-10, 38, 180, 62], METAL);
        self.fill([34, 42, 92, 54], WHITE);
        self.fill([34, 42, 92, 10], SIGN);
        self.text([40, 56, 34], 4);
        self.fill([84, 58, 10, 18], DARK);
        self.fill([98, 58, 10, 18], DARK);
        self.fill([112, 64, 8, 12], DARK);
        let bits = chance::bits(&format!("bars {name}"));
        for bar in (0..28).filter(|bar| bits >> bar & 1 == 1) {
            self.fill([40 + bar * 2, 80, 1, 12], DARK);
        }
    }

    /// The store's code, the same at every visit.
    fn code(&mut self) {
        self.fill([-10, -10, 180, 140], WALL);
        self.fill([30, 8, 100, 100], WHITE);
        for row in 0..21 {
            let bits = chance::bits(&format!("code {row} of {}", self.picture.customer));
            for column in (0..21).filter(|column| bits >> column & 1 == 1) {
                self.fill([38 + column * 4, 16 + row * 4, 4, 4], DARK);
            }
        }
        for [x, y] in [[38, 16], [94, 16], [38, 72]] {
            self.fill([x, y, 32, 32], WHITE);
            self.fill([x, y, 28, 28], DARK);
            self.fill([x + 4, y + 4, 20, 20], WHITE);
            self.fill([x + 8, y + 8, 12, 12], DARK);
        }
    }

    fn other(&mut self) {
        let name = self.picture.name();
        self.fill([-10, -10, 180, 140], LIGHT);
        for shape in 0..12 {
            let of = |what: &str, from, to| small(chance::whole(&format!("{what} {shape} {name}"), from, to));
            self.fill([of("x", 0, 120), of("y", 0, 90), of("w", 8, 40), of("h", 6, 30)], PACK + colour(shape));
        }
    }

    /// A line along the lower edge that holds 64 bits of the name, as a camera stamps its pictures.
    fn edge(&mut self, name: &str) {
        let bits = chance::bits(&format!("edge {name}"));
        self.canvas.fill([0, HEIGHT - 2, WIDTH, 2], DARK);
        for bit in (0..64).filter(|bit| bits >> bit & 1 == 1) {
            self.canvas.fill([16 + bit * 2, HEIGHT - 2, 2, 2], WHITE);
        }
    }
}

/// One of the six colours of packs.
fn colour(number: i32) -> u8 {
    (number % 6) as u8
}

fn small(value: i64) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture<'a>(customer: &'a str, visit: &'a str, step: &'a str, requirement: &'a str) -> Picture<'a> {
        Picture { customer, visit, step, requirement, number: 0, attempt: 0, shows: step }
    }

    #[test]
    fn a_photo_is_decided_by_its_name_and_no_two_are_equal() {
        let of = |visit, step, requirement| picture("cus_a", visit, step, requirement).png();
        assert_eq!(of("vis_a-1", "before_photo", "shelf"), of("vis_a-1", "before_photo", "shelf"));
        assert_ne!(of("vis_a-1", "before_photo", "shelf"), of("vis_a-2", "before_photo", "shelf"));
        assert_ne!(of("vis_a-1", "before_photo", "shelf"), of("vis_a-1", "after_photo", "shelf"));
        assert_ne!(of("vis_a-1", "check_in", "entrance_code"), of("vis_a-2", "check_in", "entrance_code"));
    }

    #[test]
    fn a_photo_is_small() {
        for requirement in [
            "storefront",
            "closed_front",
            "entrance_inside",
            "shelf",
            "display",
            "price_tag",
            "entrance_code",
            "owner_signature",
        ] {
            let size = picture("cus_chunxi", "vis_chen-1", "step", requirement).png().len();
            assert!(size < 2500, "{requirement}: {size}");
        }
    }

    /// The recorded day rests on these bytes.
    #[test]
    fn a_photo_is_the_same_for_ever() {
        let png = picture("cus_chunxi", "vis_chen-1", "before_photo", "shelf").png();
        assert_eq!(chance::hash(png), "1d8565a850d037540c2111660dbc7fc269fedb5c1d1acea8e6b9d9e259528165");
    }
}
