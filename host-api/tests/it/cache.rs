//! Compiled code on disk: it saves the second compilation, and only code with our MAC is ever run.

use crate::guest::{Guest, call, compiler, finding};
use engine::rule::RuleAnswer;
use host_api::{Compiler, Host, HostConfig, Limits, RefusalCode};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// A compiler that is not there: whoever loads with it has not compiled.
fn no_compiler() -> Compiler {
    Compiler::Child { program: "/nonexistent/compiler".into(), args: Vec::new() }
}

fn host(folder: &Path, key: u8, compiler: Compiler) -> Host {
    let config =
        HostConfig { cache: Some(folder.to_owned()), cache_key: [key; 32], compiler, limits: Limits::default() };
    Host::new(config).unwrap()
}

fn plugin() -> Vec<u8> {
    Guest::finds(&[finding()]).build()
}

/// The one file in the folder with this extension.
fn file(folder: &Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Compiles once and leaves the code in the folder.
fn filled(folder: &Path) -> PathBuf {
    host(folder, 1, compiler()).load(&plugin()).unwrap();
    file(folder, "code")
}

#[test]
fn a_second_load_does_not_compile() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let host = host(folder.path(), 1, no_compiler());
    let plugin = host.load(&plugin()).unwrap();
    assert!(matches!(call(&host, &plugin, "look", json!({})).answer, RuleAnswer::Findings(_)));
}

#[test]
fn code_from_disk_answers_and_burns_like_fresh_code() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = host(folder.path(), 1, compiler());
    let fresh = call(&fresh, &fresh.load(&plugin()).unwrap(), "look", json!({"a": 1}));
    let cached = host(folder.path(), 1, no_compiler());
    let cached = call(&cached, &cached.load(&plugin()).unwrap(), "look", json!({"a": 1}));
    assert_eq!(fresh, cached);
}

#[test]
fn a_plugin_is_found_by_its_hash_where_its_code_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let again = host(folder.path(), 1, no_compiler());
    let loaded = again.load(&plugin()).unwrap();
    let found = again.find(loaded.hash()).unwrap();
    assert_eq!((found.hash(), found.manifest()), (loaded.hash(), loaded.manifest()));
    let answers = [&found, &loaded].map(|plugin| call(&again, plugin, "look", json!({"a": 1})));
    assert_eq!(answers[0], answers[1]);
    for other in ["", "00", "é", &"0".repeat(64), &loaded.hash().to_uppercase(), &format!("{}0", loaded.hash())] {
        assert!(again.find(other).is_none(), "{other}");
    }
    assert!(host(folder.path(), 2, no_compiler()).find(loaded.hash()).is_none(), "another key");
    assert!(!path.exists(), "code without our MAC is deleted");
}

/// Spoils the file, then expects that nobody runs it, that it is gone, and that the next load makes a good one.
fn is_not_trusted(name: &str, key: u8, spoil: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let good = fs::read(&path).unwrap();
    spoil(&path);
    let refused = host(folder.path(), key, no_compiler()).load(&plugin()).map(drop).unwrap_err();
    assert_eq!(refused.code, RefusalCode::CompilerUnavailable, "{name}");
    assert!(!path.exists(), "{name}: the spoilt file is still there");
    host(folder.path(), key, compiler()).load(&plugin()).unwrap();
    host(folder.path(), key, no_compiler()).load(&plugin()).unwrap();
    assert_eq!(fs::read(&path).unwrap().len(), good.len(), "{name}");
}

#[test]
fn code_that_is_not_ours_is_deleted_and_compiled_again() {
    let flip = |position: fn(usize) -> usize| {
        move |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            let position = position(bytes.len());
            bytes[position] ^= 1;
            fs::write(path, bytes).unwrap();
        }
    };
    is_not_trusted("the first bit of the code", 1, flip(|_| 0));
    is_not_trusted("the first bit of the MAC", 1, flip(|length| length - 32));
    is_not_trusted("a bit in the middle", 1, flip(|length| length / 2));
    is_not_trusted("the last bit", 1, flip(|length| length - 1));
    is_not_trusted("another key", 2, |_| ());
    is_not_trusted("an empty file", 1, |path| fs::write(path, []).unwrap());
    is_not_trusted("a short file", 1, |path| fs::write(path, [0; 31]).unwrap());
    is_not_trusted("a MAC and nothing", 1, |path| fs::write(path, [0; 32]).unwrap());
    is_not_trusted("a byte less", 1, |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    });
    is_not_trusted("a byte more", 1, |path| {
        let mut bytes = fs::read(path).unwrap();
        bytes.push(0);
        fs::write(path, bytes).unwrap();
    });
}

/// What a plugin said of itself is believed as code is: with our MAC, and only for that plugin. Else it is asked again.
#[test]
fn what_a_plugin_said_of_itself_is_kept_and_not_believed_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let code = filled(folder.path());
    let said = file(folder.path(), "manifest");
    let good = fs::read(&said).unwrap();
    let manifest = host(folder.path(), 1, no_compiler()).load(&plugin()).unwrap().manifest().clone();
    let mut other = good.clone();
    let at = other.windows(4).position(|word| word == b"look").unwrap();
    other[at] = b'h';
    let code_with_our_mac = fs::read(&code).unwrap();
    for spoilt in [other, Vec::new(), code_with_our_mac] {
        fs::write(&said, &spoilt).unwrap();
        let again = host(folder.path(), 1, no_compiler()).load(&plugin()).unwrap();
        assert_eq!(again.manifest(), &manifest);
        assert_eq!(fs::read(&said).unwrap(), good);
    }
}

/// Mapped only if nobody else can write to it; from a copy it must run all the same.
#[test]
#[cfg(target_os = "linux")]
fn code_is_mapped_unless_somebody_else_could_change_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let name = path.to_str().unwrap().to_owned();
    let is_mapped = || fs::read_to_string("/proc/self/maps").unwrap().contains(&name);
    for (mode, expected) in [(0o600, true), (0o620, false), (0o602, false), (0o644, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let host = host(folder.path(), 1, no_compiler());
        let plugin = host.load(&plugin()).unwrap();
        assert_eq!(is_mapped(), expected, "{mode:o}");
        assert!(matches!(call(&host, &plugin, "look", json!({})).answer, RuleAnswer::Findings(_)), "{mode:o}");
    }
}

/// The MAC was checked on the file that was opened, so that file is what runs, whatever is put under its name meanwhile.
#[test]
fn a_plugin_that_is_loaded_does_not_mind_what_becomes_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let host = host(folder.path(), 1, no_compiler());
    let plugin = host.load(&plugin()).unwrap();
    let other = folder.path().join("other");
    fs::write(&other, "not code").unwrap();
    fs::rename(&other, &path).unwrap();
    assert!(matches!(call(&host, &plugin, "look", json!({})).answer, RuleAnswer::Findings(_)));
}

#[test]
fn code_of_another_plugin_under_this_name_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    host(&other, 1, compiler()).load(&Guest::finds(&[]).build()).unwrap();
    let code = fs::read(file(&other, "code")).unwrap();
    is_not_trusted("another plugin", 1, |path| fs::write(path, code).unwrap());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_at_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = HostConfig {
        cache: Some(file.path().join("code")),
        cache_key: [0; 32],
        compiler: no_compiler(),
        limits: Limits::default(),
    };
    let error = Host::new(config).map(drop).unwrap_err();
    assert!(error.to_string().starts_with("cannot make the folder for compiled code"), "{error}");
}

#[test]
fn what_a_stricter_host_would_refuse_is_not_taken_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let mut limits = Limits::default();
    limits.plugin.functions = 0;
    let config =
        HostConfig { cache: Some(folder.path().to_owned()), cache_key: [1; 32], compiler: no_compiler(), limits };
    let refused = Host::new(config).unwrap().load(&plugin()).err().map(|refused| refused.code);
    assert_eq!(refused, Some(RefusalCode::OverLimits));
}
