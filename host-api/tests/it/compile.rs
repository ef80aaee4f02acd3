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
fn a_plugin_that_takes_too_much_memory_to_compile_is_refused_and_the_next_one_is_not() {
    let mut limits = Limits::default();
    limits.compile.address_space_bytes = 64 << 20;
    let host = host(limits);
    // Every call ends a stretch of code: two hundred thousand of them fill gigabytes of graphs and tables.
    let calls = format!("(func $nothing) (func {})", "call $nothing ".repeat(200_000));
    let bomb = Guest { fields: calls, ..Guest::finds(&[]) }.build();
    let refused = host.load(&bomb).map(drop).unwrap_err();
    assert_eq!(refused.code, RefusalCode::CompileFailed, "{refused}");
    host.load(&Guest::finds(&[finding()]).build()).unwrap();
}

#[test]
fn a_plugin_that_takes_too_long_to_compile_is_refused_and_the_next_one_is_not() {
    let mut limits = Limits::default();
    limits.compile.wall = Duration::from_secs(5);
    let host = host(limits);
    // Compiling takes time in the square of the depth.
    let depth = 150_000;
    let blocks = format!("(func {} {})", "block ".repeat(depth), "end ".repeat(depth));
    let started = Instant::now();
    let refused = host.load(&Guest { fields: blocks, ..Guest::finds(&[]) }.build()).map(drop).unwrap_err();
    assert_eq!(refused.code, RefusalCode::CompileTimeout, "{refused}");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    host.load(&Guest::finds(&[finding()]).build()).unwrap();
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
