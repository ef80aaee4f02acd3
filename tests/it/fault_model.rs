//! Random work, killed anywhere, against a model of what a disk keeps.

use crate::fault::{Contents, Power};
use anyhow::Result;
use std::collections::BTreeMap;

const N_ROUNDS: u64 = 40;
const N_LINES: usize = 60;
const PLACES: [&str; 6] = ["a", "b", "c", "d/a", "d/b", "d/c"];

/// Names lead to files; both are what they are, and what they were when they were last synced.
#[derive(Default)]
struct Model {
    names: BTreeMap<&'static str, usize>,
    synced_names: BTreeMap<&'static str, usize>,
    files: Vec<File>,
}

#[derive(Default)]
struct File {
    text: Vec<u8>,
    synced: Vec<u8>,
}

/// xorshift64*, so that a round can be run again by its number.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

fn folder(place: &str) -> &str {
    if place.starts_with("d/") { "d" } else { "." }
}

impl Model {
    /// One line that can be done now; the model does it too.
    fn step(&mut self, random: &mut Random) -> String {
        let letters = format!("{:x}", random.below(1 << 20)).repeat(1 + random.below(9));
        let (from, to) = (PLACES[random.below(6)], PLACES[random.below(6)]);
        let there = self.names.get(from).copied();
        let other = self.names.get(to).copied();
        let Some(there) = there else {
            self.create(from, letters.as_bytes());
            return format!("replace {from} {letters}");
        };
        let text = &mut self.files[there].text;
        let offset = random.below(text.len() + 20);
        match random.below(11) {
            0 => {
                text.resize(text.len().max(offset + letters.len()), 0);
                text[offset..offset + letters.len()].copy_from_slice(letters.as_bytes());
                format!("write {from} {offset} {letters}")
            }
            1 => {
                text.extend(letters.as_bytes());
                format!("append {from} {letters}")
            }
            2 => {
                *text = letters.clone().into_bytes();
                format!("replace {from} {letters}")
            }
            3 => {
                text.resize(offset, 0);
                format!("cut {from} {offset}")
            }
            4 if other != Some(there) => {
                let text = text.clone();
                match other {
                    Some(other) => self.files[other].text = text,
                    None => self.create(to, &text),
                }
                format!("copy {from} {to}")
            }
            5 | 6 => {
                // Two names of one file: nothing happens.
                if other != Some(there) {
                    self.names.remove(from);
                    self.names.insert(to, there);
                }
                format!("rename {from} {to}")
            }
            7 if other.is_none() => {
                self.names.insert(to, there);
                format!("link {from} {to}")
            }
            8 => {
                self.names.remove(from);
                format!("remove {from}")
            }
            9 => {
                self.synced_names.retain(|place, _| folder(place) != folder(from));
                self.synced_names.extend(self.names.iter().filter(|(place, _)| folder(place) == folder(from)));
                format!("sync {}", folder(from))
            }
            _ => {
                self.files[there].synced = text.clone();
                format!("sync {from}")
            }
        }
    }

    fn create(&mut self, place: &'static str, text: &[u8]) {
        self.names.insert(place, self.files.len());
        self.files.push(File { text: text.to_vec(), synced: Vec::new() });
    }

    fn after_a_cut(&self) -> Contents {
        let text = |file: &usize| String::from_utf8_lossy(&self.files[*file].synced).into_owned();
        let names = self.synced_names.iter().map(|(place, file)| ((*place).to_owned(), Some(text(file))));
        names.chain([("d".to_owned(), None)]).collect()
    }
}

#[test]
fn random_work_is_cut_as_the_model_says() -> Result<()> {
    let power = Power::on()?;
    for round in 1..=N_ROUNDS {
        let mut random = Random(round.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        power.clear()?;
        power.cut_after(&["make_folder d", "sync ."])?;
        let mut model = Model::default();
        let mut kept = vec![model.after_a_cut()];
        let mut lines = Vec::new();
        for _ in 0..N_LINES {
            lines.push(model.step(&mut random));
            kept.push(model.after_a_cut());
        }
        let done = random.below(N_LINES + 1);
        let mut scribe = power.scribe()?;
        scribe.tell(&lines.join("\n"))?;
        scribe.done(done)?;
        // It goes on meanwhile, so the kill can hit any of the lines that follow, and any moment of one.
        scribe.kill()?;
        power.fault.lose_unsynced()?;
        let contents = power.contents()?;
        assert!(
            kept[done..].contains(&contents),
            "round {round}, {done} lines done of:\n{}\nis:       {contents:?}\nexpected: {:?}, or later",
            lines.join("\n"),
            kept[done]
        );
    }
    Ok(())
}
