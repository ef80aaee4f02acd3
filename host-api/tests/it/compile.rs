//! The compiling child from outside: whatever it does, the parent gets an answer in time and lives.

#![cfg(unix)]

use crate::guest::{Guest, compiler, finding, host};
use host_api::{Compiler, Host, HostConfig, Limits, RefusalCode, Refused};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Loads a good plugin with this program as the compiler.
fn load_with(program: &str, args: &[&str], change: impl FnOnce(&mut Limits)) -> Refused {
    let mut limits = Limits::default();
    change(&mut limits);
    let compiler = Compiler::Child { program: program.into(), args: args.iter().map(Into::into).collect() };
    let host = Host::new(HostConfig { cache: None, cache_key: [0; 32], compiler, limits }).unwrap();
    host.load(&Guest::finds(&[finding()]).build()).map(drop).unwrap_err()
}

fn shell(script: &str, change: impl FnOnce(&mut Limits)) -> Refused {
    load_with("/bin/sh", &["-c", script], change)
}

#[test]
fn a_compiler_that_does_not_answer_is_a_typed_refusal() {
    let cases = [
        ("is not there", load_with("/nonexistent", &[], |_| ()), RefusalCode::CompilerUnavailable),
        ("says nothing", load_with("/bin/true", &[], |_| ()), RefusalCode::CompilerUnavailable),
        ("echoes the plugin", load_with("/bin/cat", &[], |_| ()), RefusalCode::CompilerUnavailable),
        ("fails", load_with("/bin/false", &[], |_| ()), RefusalCode::CompileFailed),
        ("kills itself", shell("kill -9 $$", |_| ()), RefusalCode::CompileFailed),
        ("refuses", shell("cat >/dev/null; echo it is too odd; exit 10", |_| ()), RefusalCode::CompileFailed),
        (
            "frames rubbish",
            shell("cat >/dev/null; echo sopwith.code.frame.1; echo rubbish", |_| ()),
            RefusalCode::CompileFailed,
        ),
        (
            "writes without end",
            shell("cat >/dev/null; exec cat /dev/zero", |limits| {
                limits.compile.code_bytes = 1 << 20;
            }),
            RefusalCode::CompileFailed,
        ),
    ];
    for (name, refused, expected) in cases {
        assert_eq!(refused.code, expected, "{name}: {refused}");
    }
    assert_eq!(shell("cat >/dev/null; echo it is too odd; exit 10", |_| ()).detail, "it is too odd\n");
}

#[test]
fn a_compiler_that_hangs_is_killed_when_its_time_is_up() {
    let wall = |limits: &mut Limits| limits.compile.wall = Duration::from_millis(200);
    let started = Instant::now();
    for (program, args) in [("/bin/sleep", vec!["600"]), ("/bin/sh", vec!["-c", "exec >&-; exec sleep 600"])] {
        let refused = load_with(program, &args, wall);
        assert_eq!(refused.code, RefusalCode::CompileTimeout, "{refused}");
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
#[cfg(target_os = "linux")]
fn a_compiler_that_loops_is_stopped_by_its_processor_time() {
    let refused = shell("while :; do :; done", |limits| limits.compile.cpu_seconds = 1);
    assert_eq!(refused.code, RefusalCode::CompileTimeout);
    assert_eq!(refused.detail, "it takes too much processor time");
}

#[test]
#[cfg(target_os = "linux")]
fn a_compiler_that_needs_too_much_memory_dies_alone() {
    let mut limits = Limits::default();
    // Room to start, but not to compile a function of a quarter of a megabyte.
    limits.compile.address_space_bytes = 48 << 20;
    let host = host(limits);
    let body = "(local.set 4 (i32.mul (i32.add (local.get 4) (local.get 1)) (local.get 3)))".repeat(25_000);
    let refused = host.load(&Guest::validate(format!("{body} (local.get 4)")).build()).map(drop).unwrap_err();
    assert_eq!(refused.code, RefusalCode::CompileFailed, "{refused}");
}

#[test]
fn a_bomb_for_the_compiler_is_stopped_and_the_host_lives() {
    let mut limits = Limits::default();
    limits.compile.wall = Duration::from_millis(1);
    let host = host(limits);
    let body = "(local.set 4 (i32.mul (i32.add (local.get 4) (local.get 1)) (local.get 3)))".repeat(25_000);
    let refused = host.load(&Guest::validate(format!("{body} (local.get 4)")).build()).map(drop).unwrap_err();
    assert_eq!(refused.code, RefusalCode::CompileTimeout, "{refused}");
    crate::guest::load(&Guest::finds(&[finding()]).build()).unwrap();
}

#[test]
fn the_child_says_what_it_cannot_compile() {
    use std::io::Write;
    let Compiler::Child { program, .. } = compiler();
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"not wasm").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(10));
    assert!(!output.stdout.is_empty());
}
