//! The rules, one function each, over files as text.
//!
//! A rule that finds nothing to look at finds nothing wrong; the tests below show that each rule can fail.

use super::Problem;
use super::files::File;
use serde_json::Value;

/// Files that spell out what is forbidden in order to forbid it.
const SPELLS_OUT: &[&str] = &["xtask/src/tidy/rules.rs"];

/// A file longer than this does more than one thing.
const LONGEST: usize = 500;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

/// Text that stands in some folders only: what, where, why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("wasmtime::", &["host-api/"], "the sandbox is one crate, small enough to audit"),
    ("axum::", &["server/src/http/", "tests/bench/floor.rs"], "only http/ knows HTTP, and what it is measured against"),
    ("sqlx::", &["server/src/store/"], "only store/ knows SQL"),
];

/// Text that stands in no Rust file, tests included: what, and what to do instead.
const NOWHERE: &[(&str, &str)] = &[
    ("#[allow(", "use #[expect(.., reason = \"..\")]"),
    ("#![allow(", "use #[expect(.., reason = \"..\")]"),
    ("#[ignore", "assert what happens today, with a FIXME"),
    ("should_panic", "assert on the error"),
    ("todo!(", "not as a stub"),
    ("unimplemented!(", "not as a stub"),
    ("thread::sleep", "wait on a signal or move the clock"),
];

/// Text that stands in tests only.
const IN_TESTS_ONLY: &[(&str, &str)] = &[
    (".unwrap()", "return an error"),
    (".expect(", "return an error"),
    ("panic!(", "return an error"),
    ("unreachable!(", "make it impossible or return an error"),
];

/// Folders no industry is known in.
const NEUTRAL: &[&str] = &["engine/", "host-api/", "server/", "web/", "wit/"];

/// Words of industries, in the singular.
const INDUSTRY: &[&str] = &[
    "fmcg",
    "gtin",
    "sku",
    "facing",
    "planogram",
    "posm",
    "shelf",
    "shelve",
    "cooler",
    "endcap",
    "rrp",
    "pharma",
    "hcp",
    "detailing",
    "prescription",
    "rebar",
    "waterproofing",
    "screed",
    "formwork",
    "bank",
    "vault",
    "banknote",
];

/// Every text for people has these.
const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

/// Folders of a machine, which mean nothing on another.
const MACHINE: &[&str] = &["/root/", "/home/", "/work/", "/tmp/", "/Users/"];

/// All rules over all files; what they find, in order of path and line.
pub fn check(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        if file.is(&[".rs"]) {
            header(file, "//!", &mut problems);
            length(file, &mut problems);
            forbidden(file, &mut problems);
        }
        if file.is(&[".mjs", ".js"]) {
            header(file, "//", &mut problems);
            length(file, &mut problems);
        }
        if file.is(&["Cargo.toml"]) {
            dependencies(file, &mut problems);
        }
        if file.is(&[".json"])
            && file.is_in(&["schemas/", "engine/", "server/", "tests/fourth/"])
            && !file.path.contains("/cases/")
        {
            translations(file, &mut problems);
        }
        if file.is_in(NEUTRAL) {
            industry(file, &mut problems);
        }
        machine(file, &mut problems);
        merged(file, &mut problems);
    }
    exceptions(files, &mut problems);
    generated(files, &mut problems);
    architecture(files, &mut problems);
    problems.sort();
    problems
}

/// A file says first what lives in it.
fn header(file: &File, mark: &str, problems: &mut Vec<Problem>) {
    if !file.text.trim_start().starts_with(mark) {
        problems.push(Problem::new(&file.path, 1, format!("must open with `{mark}`: what lives here, what must not")));
    }
}

fn length(file: &File, problems: &mut Vec<Problem>) {
    let lines = file.text.lines().count();
    if lines > LONGEST && !LONGER.iter().any(|(path, _)| *path == file.path) {
        problems.push(Problem::new(
            &file.path,
            0,
            format!("{lines} lines, more than {LONGEST}: split it, or say in LONGER why not"),
        ));
    }
}

fn forbidden(file: &File, problems: &mut Vec<Problem>) {
    if SPELLS_OUT.contains(&file.path.as_str()) {
        return;
    }
    let tests_begin = tests_begin(file);
    for (number, line) in file.lines().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        let mut found =
            |what: &str, why: &str| problems.push(Problem::new(&file.path, number, format!("`{what}`: {why}")));
        for (what, folders, why) in ONLY_IN {
            if line.contains(what) && !file.is_in(folders) {
                found(what, why);
            }
        }
        for (what, instead) in NOWHERE {
            if line.contains(what) {
                found(what, instead);
            }
        }
        for (what, instead) in IN_TESTS_ONLY {
            if line.contains(what) && number < tests_begin {
                found(what, instead);
            }
        }
    }
}

/// The line tests begin at: 1 in a file of tests, past the end in a file without. The module of tests stands last.
fn tests_begin(file: &File) -> usize {
    if file.path.starts_with("tests/") || file.path.contains("/tests/") || file.is(&["/tests.rs"]) {
        return 1;
    }
    let mut before = "";
    for (number, line) in file.lines() {
        if before.starts_with("#[cfg(")
            && words(before).iter().any(|word| word == "test")
            && line.starts_with("mod ")
            && line.ends_with('{')
        {
            return number;
        }
        before = line;
    }
    usize::MAX
}

/// A dependency is a boundary too.
fn dependencies(file: &File, problems: &mut Vec<Problem>) {
    for (number, line) in file.lines() {
        if line.starts_with("wasmtime") && !file.is_in(&["host-api/"]) && file.path != "Cargo.toml" {
            problems.push(Problem::new(&file.path, number, "only host-api depends on wasmtime"));
        }
        if line.contains("git = ") {
            problems.push(Problem::new(&file.path, number, "dependencies come from the registry"));
        }
    }
}

/// A text for people is there in every language, and is not empty.
fn translations(file: &File, problems: &mut Vec<Problem>) {
    match serde_json::from_str(&file.text) {
        Ok(value) => untranslated(&value, &mut String::new(), &mut |pointer| {
            let what = format!("the text at `{pointer}` is not in both of {}", LANGUAGES.join(", "));
            problems.push(Problem::new(&file.path, 0, what));
        }),
        Err(error) => problems.push(Problem::new(&file.path, error.line(), format!("not JSON: {error}"))),
    }
}

fn untranslated(value: &Value, pointer: &mut String, found: &mut dyn FnMut(&str)) {
    let length = pointer.len();
    let mut each = |name: &str, member: &Value| {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        untranslated(member, pointer, found);
        pointer.truncate(length);
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| each(name, member));
            let text = |language: &&str| members.get(*language).and_then(Value::as_str);
            let some = LANGUAGES.iter().any(|language| text(language).is_some());
            let all = LANGUAGES.iter().all(|language| text(language).is_some_and(|text| !text.trim().is_empty()));
            if some && !all {
                found(pointer);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| each(&index.to_string(), item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An industry is data plus a plugin.
fn industry(file: &File, problems: &mut Vec<Problem>) {
    for (number, line) in file.lines() {
        for word in words(line) {
            let singular = word.strip_suffix('s').unwrap_or(&word);
            if INDUSTRY.contains(&word.as_str()) || INDUSTRY.contains(&singular) {
                problems.push(Problem::new(&file.path, number, format!("`{word}` belongs to an industry")));
            }
        }
    }
}

/// Words of a line in lower case: `GtinCheck`, `gtin_check` and `gtin-check` are two each.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for letter in line.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        lower_before = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn machine(file: &File, problems: &mut Vec<Problem>) {
    if SPELLS_OUT.contains(&file.path.as_str()) {
        return;
    }
    for (number, line) in file.lines() {
        for folder in MACHINE {
            let absolute = |(at, _): (usize, &str)| {
                !line.get(..at).is_some_and(|before| {
                    before.ends_with(|last: char| last.is_alphanumeric() || "-_./}".contains(last))
                })
            };
            if line.match_indices(folder).any(absolute) {
                problems.push(Problem::new(&file.path, number, format!("`{folder}` is a folder of one machine")));
            }
        }
    }
}

/// A merge was finished.
fn merged(file: &File, problems: &mut Vec<Problem>) {
    for (number, line) in file.lines() {
        if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
            problems.push(Problem::new(&file.path, number, "a conflict was left in"));
        }
    }
}

/// An exception that no file needs any more goes.
fn exceptions(files: &[File], problems: &mut Vec<Problem>) {
    for (path, _) in LONGER {
        let needed = files.iter().any(|file| file.path == *path && file.text.lines().count() > LONGEST);
        if !needed {
            problems.push(Problem::new(path, 0, "is in LONGER but is not longer"));
        }
    }
}

/// Generated files are marked in .gitattributes, and what is marked is there.
fn generated(files: &[File], problems: &mut Vec<Problem>) {
    let Some(attributes) = files.iter().find(|file| file.path == ".gitattributes") else { return };
    for (number, line) in attributes.lines() {
        let Some(path) = line.strip_suffix(" linguist-generated") else { continue };
        if !files.iter().any(|file| file.path == path) {
            problems.push(Problem::new(&attributes.path, number, format!("no such file: `{path}`")));
        }
    }
    let marked =
        |path: &str| attributes.text.lines().any(|line| line.strip_suffix(" linguist-generated") == Some(path));
    let recorded = |file: &&File| file.is_in(&["schemas/"]) && file.path.contains("/day/") && file.is(&[".jsonl"]);
    let locks = |file: &&File| file.is(&["Cargo.lock", "package-lock.json"]);
    let described = |file: &&File| file.path == "schemas/openapi.json";
    for file in files.iter().filter(|file| (recorded(file) || locks(file) || described(file)) && !marked(&file.path)) {
        problems.push(Problem::new(&file.path, 0, "is generated: mark it in .gitattributes"));
    }
}

/// The map is short and names only what is there; every source file of the three crates is on it.
fn architecture(files: &[File], problems: &mut Vec<Problem>) {
    const MAP: &str = "docs/ARCHITECTURE.md";
    const MAPPED: &[&str] = &["engine/src/", "host-api/src/", "server/src/"];
    let Some(map) = files.iter().find(|file| file.path == MAP) else { return };
    if map.text.lines().count() > 260 {
        problems.push(Problem::new(MAP, 0, "longer than 260 lines"));
    }
    for (number, line) in map.lines() {
        for path in quoted(line).filter(|quoted| is_path(quoted)) {
            if !files.iter().any(|file| file.path == path || (path.ends_with('/') && file.path.starts_with(path))) {
                problems.push(Problem::new(MAP, number, format!("no such file: `{path}`")));
            }
        }
    }
    for file in files
        .iter()
        .filter(|file| file.is(&[".rs"]) && file.is_in(MAPPED) && !file.is(&["/lib.rs", "/main.rs", "tests.rs"]))
    {
        let folder_is_named =
            file.path.match_indices('/').skip(2).any(|(at, _)| map.text.contains(&format!("`{}/`", &file.path[..at])));
        if !folder_is_named && !map.text.contains(&format!("`{}`", file.path)) {
            problems.push(Problem::new(MAP, 0, format!("`{}` is not on the map", file.path)));
        }
    }
}

/// Whether a quoted word means a file or folder of the repository.
fn is_path(quoted: &str) -> bool {
    let folder_or_file = quoted.ends_with('/') || quoted.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    quoted.contains('/') && folder_or_file && quoted.chars().all(plain) && !quoted.starts_with("target/")
}

/// What stands between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    /// Exactly `lines` of the file are wrong.
    #[track_caller]
    fn check_one(path: &str, text: &str, lines: &[usize]) {
        let problems = check(&[file(path, text)]);
        let found: Vec<usize> =
            problems.iter().filter(|problem| problem.path == path).map(|problem| problem.line).collect();
        assert_eq!(found, lines, "{problems:?}");
    }

    #[test]
    fn a_file_says_what_it_is() {
        check_one("engine/src/a.rs", "//! A.\nfn a() {}", &[]);
        check_one("engine/src/a.rs", "fn a() {}", &[1]);
        check_one("plugins/js/a.mjs", "import a from 'a';", &[1]);
        check_one("plugins/js/a.mjs", "// A.\nimport a from 'a';", &[]);
    }

    #[test]
    fn a_file_over_five_hundred_lines_is_split() {
        check_one("engine/src/a.rs", &"//! A.\n".repeat(500), &[]);
        check_one("engine/src/a.rs", &"//! A.\n".repeat(501), &[0]);
    }

    #[test]
    fn each_library_stays_in_its_folder() {
        check_one("engine/src/a.rs", "//! A.\nuse wasmtime::Engine;", &[2]);
        check_one("host-api/src/a.rs", "//! A.\nuse wasmtime::Engine;", &[]);
        check_one("server/src/flows/a.rs", "//! A.\nuse sqlx::Pool;\nuse axum::Router;", &[2, 3]);
        check_one("server/Cargo.toml", "[dependencies]\nwasmtime.workspace = true", &[2]);
        check_one("server/Cargo.toml", "a = { git = \"https://example.org\" }", &[1]);
    }

    #[test]
    fn unwrap_is_for_tests() {
        check_one("server/src/a.rs", "//! A.\nfn a() { b().unwrap() }", &[2]);
        check_one(
            "server/src/a.rs",
            "//! A.\n// b().unwrap()\n#[cfg(test)]\nmod tests {\nfn a() { b().unwrap() }\n}",
            &[],
        );
        check_one("server/src/a.rs", "//! A.\n#[cfg(test)]\nmod tests;\nfn a() { b().unwrap() }", &[4]);
        check_one("server/src/a.rs", "//! A.\n#[cfg(all(test, unix))]\nmod tests {\nfn a() { b().unwrap() }\n}", &[]);
        check_one("tests/it/main.rs", "//! A.\nfn a() { b().unwrap() }", &[]);
        check_one("engine/src/tests.rs", "//! A.\nfn a() { b().expect(\"b\") }", &[]);
    }

    #[test]
    fn some_things_are_not_even_for_tests() {
        check_one(
            "tests/it/main.rs",
            "//! A.\n#[ignore]\n#[should_panic]\n#[allow(x)]\nstd::thread::sleep(d);",
            &[2, 3, 4, 5],
        );
    }

    #[test]
    fn industries_are_unknown_to_the_program() {
        check_one(
            "engine/src/a.rs",
            "//! A.\nstruct GtinCheck;\nlet shelf_price = 1;\nlet SKUs = 2;\nlet task = 3;",
            &[2, 3, 4],
        );
        check_one("server/src/a.rs", "//! A.\n/// Of a bank.\nlet vault_limit = 1;\nlet a = 2;", &[2, 3]);
        check_one("plugins/fmcg/src/a.rs", "//! Facings.", &[]);
        check_one("server/src/a.txt", "selfish shelfish", &[]);
    }

    #[test]
    fn a_text_is_there_in_both_languages() {
        check_one("schemas/a.json", r#"{"title": {"en": "Visit", "zh-CN": "拜访"}}"#, &[]);
        check_one("schemas/a.json", r#"{"title": {"en": "Visit"}, "b": [{"zh-CN": "拜访"}]}"#, &[0, 0]);
        check_one("schemas/a.json", r#"{"title": {"en": "Visit", "zh-CN": " "}}"#, &[0]);
        check_one("schemas/a.json", r#"{"properties": {"en": {"type": "string"}}}"#, &[]);
        check_one("schemas/a.json", "{", &[1]);
    }

    #[test]
    fn machines_are_not_named() {
        check_one("docs/a.md", "see /home/me/a", &[1]);
        check_one("docs/a.md", "`/tmp/a` and https://example.org/work/a and a/work/b", &[1]);
    }

    #[test]
    fn a_merge_is_finished() {
        check_one("docs/a.md", "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other", &[1, 5]);
    }

    #[test]
    fn generated_files_are_marked_and_marks_have_files() {
        let attributes = file(".gitattributes", "Cargo.lock linguist-generated\ngone.json linguist-generated");
        let problems = check(&[attributes, file("Cargo.lock", ""), file("schemas/a/b/day/day.jsonl", "")]);
        let lines: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.line)).collect();
        assert_eq!(lines, [(".gitattributes", 2), ("schemas/a/b/day/day.jsonl", 0)]);
    }

    #[test]
    fn the_map_and_the_land_agree() {
        let map = "`engine/src/a.rs` `engine/src/gone.rs` `wit/` `server/src/flows/` `a / b`";
        let files = ["engine/src/a.rs", "engine/src/b.rs", "server/src/flows/c.rs", "wit/plugin.wit"];
        let mut files: Vec<File> = files.map(|path| file(path, "//! A.")).into();
        files.push(file("docs/ARCHITECTURE.md", map));
        let problems: Vec<String> = check(&files).into_iter().map(|problem| problem.what).collect();
        assert_eq!(problems, ["`engine/src/b.rs` is not on the map", "no such file: `engine/src/gone.rs`"]);
    }
}
