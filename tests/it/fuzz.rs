//! A short run of the fuzz targets: what was written down by hand, and some thousand inputs made of it. The
//! long run is told in `fuzz/README.md`.

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "they are public to the fuzz targets")]
mod targets;

use std::path::PathBuf;

/// How many inputs a target gets beside those that stand in its folder.
const INPUTS: usize = 20_000;
/// The same in every run, so that a failure can be seen again.
const SEED: u64 = 0x0D20_4E52;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(seeds.len() >= 5, "{target} has too few inputs to begin with");
    seeds
}

/// Cuts, doubles, exchanges and overwrites pieces of what it is given.
fn changed(random: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=input.len());
        let length = random.usize(..=(input.len() - at).min(12));
        match random.u8(..6) {
            0 => drop(input.drain(at..at + length)),
            1 => {
                let piece = input[at..at + length].to_vec();
                input.splice(at..at, piece);
            }
            2 => {
                let other = &seeds[random.usize(..seeds.len())];
                let from = random.usize(..=other.len());
                let length = random.usize(..=(other.len() - from).min(40));
                input.splice(at..at, other[from..from + length].iter().copied());
            }
            3 => input.insert(at, *random.choice(b",=:;/%!'\"{}[]\\ 0123\n").unwrap()),
            4 if at < input.len() => input[at] = random.u8(..),
            _ => input.truncate(at.max(1)),
        }
    }
    input.truncate(4096);
    input
}

fn short_run(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        body(seed);
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    for _ in 0..INPUTS {
        let input = if random.u8(..8) == 0 {
            let length = random.usize(..64);
            std::iter::repeat_with(|| random.u8(..)).take(length).collect()
        } else {
            changed(&mut random, &seeds)
        };
        let caught = std::panic::catch_unwind(|| body(&input));
        assert!(caught.is_ok(), "{target}: {}", input.escape_ascii());
    }
}

#[test]
fn no_property_string_is_a_surprise() {
    short_run("property_strings", targets::property_strings);
}

#[test]
fn no_task_identifier_is_a_surprise() {
    short_run("upids", targets::upids);
}

#[test]
fn no_answer_is_a_surprise_or_taken_for_gone() {
    short_run("http_answers", targets::http_answers);
}

#[test]
fn no_domain_is_a_surprise() {
    short_run("domains", targets::domains);
}
