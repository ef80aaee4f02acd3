//! Photos as hashes: the bytes of each are its own, and what it looks like is 64 bits of a perceptual hash.
//!
//! How many bits two photos of one scene differ in is an assumption, given in docs/SIMULATION.md: another day and another
//! angle three tenths of them, taken again a moment later a tenth, another crop of the same file a few in a hundred.

use super::chance::Chance;
use engine::canon::sha256_hex;

/// Share of the bits an occasion turns, by light and angle: two occasions differ in three tenths.
const ANOTHER_DAY: f64 = 0.18;
/// Share of the bits that turn where the camera moves: two shots differ in a tenth.
const A_MOMENT_LATER: f64 = 0.05;
/// Share of the bits another crop and another compression turn.
const ANOTHER_CROP: f64 = 0.035;
/// Share of the bits that a photo of a screen turns: edges, moiré, glare.
const OF_A_SCREEN: f64 = 0.12;

/// A photo that exists.
#[derive(Clone, Debug)]
pub struct Photo {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What it looks like.
    pub looks: u64,
    /// It shows a screen.
    of_screen: bool,
}

impl Photo {
    fn new(name: &str, looks: u64) -> Self {
        Self { sha256: sha256_hex(name.as_bytes()), looks, of_screen: false }
    }

    /// A scene as it is found on an occasion, before or after the work of a visit.
    pub fn of_scene(world: Chance, scene: &str, occasion: &str, shot: &str) -> Self {
        let today = world.turned(&format!("{scene} {occasion}"), world.bits(scene), ANOTHER_DAY);
        let name = format!("{scene} {occasion} {shot}");
        Self::new(&name, world.turned(&name, today, A_MOMENT_LATER))
    }

    /// The same file, cropped or compressed anew.
    pub fn recropped(&self, chance: Chance, name: &str) -> Self {
        Self::new(&format!("recropped {name}"), chance.turned(name, self.looks, ANOTHER_CROP))
    }

    /// A photo of it on a screen.
    pub fn of_screen(&self, chance: Chance, name: &str) -> Self {
        Self { of_screen: true, ..Self::new(&format!("screen {name}"), chance.turned(name, self.looks, OF_A_SCREEN)) }
    }

    /// How sure the model in an app is that this is a photo of a screen, 0 to 1: of half of them more than 0.85, of few
    /// others more than a half.
    pub fn recapture_seen(&self, chance: Chance, name: &str) -> f64 {
        let draw = chance.unit(&format!("recapture {name}"));
        let sure = if self.of_screen { 1.0 - 0.6 * draw * draw } else { 0.62 * draw.powi(6) };
        (sure * 1000.0).round() / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_differ_more_from_day_to_day_than_copies_from_the_original() {
        let world = Chance::new(5);
        let mean = |distance: &dyn Fn(u32) -> u32| f64::from((0..200).map(distance).sum::<u32>()) / 200.0;
        let photo = |scene: u32, visit: &str| Photo::of_scene(world, &scene.to_string(), visit, "1");
        let differ = |one: &Photo, other: &Photo| (one.looks ^ other.looks).count_ones();
        let days = mean(&|n| differ(&photo(n, "monday"), &photo(n, "tuesday")));
        let crops = mean(&|n| differ(&photo(n, "monday"), &photo(n, "monday").recropped(world, &n.to_string())));
        let screens = mean(&|n| differ(&photo(n, "monday"), &photo(n, "monday").of_screen(world, &n.to_string())));
        let strangers = mean(&|n| differ(&photo(n, "monday"), &photo(n + 1000, "monday")));
        assert!(crops < screens && screens < days && days < strangers, "{crops} {screens} {days} {strangers}");
        assert_ne!(photo(1, "monday").sha256, photo(1, "monday").recropped(world, "1").sha256);
    }
}
