//! `engine.wasm`: bytes in, bytes out, nothing to call; and what becomes of a module that does not keep to that.

use crate::guest::{HOST, host};
use engine::rule::{FailureCode, RuleFailure};
use host_api::{EngineModule, Limits, RefusalCode};

/// A module that hands out memory from 64 KiB on and answers with this body; locals 0 and 1 are the request.
fn engine(call: &str) -> EngineModule {
    HOST.load_engine(&module(call, "(i32.const 65536)", "")).unwrap()
}

fn module(call: &str, allocate: &str, fields: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
             {fields}
             (memory (export "memory") 4)
             (func (export "allocate") (param i32) (result i32) {allocate})
             (func $call (export "call") (param i32 i32) (result i64) {call}))"#
    );
    wat::parse_str(text).unwrap()
}

/// Packs a pointer and a length.
fn packed(pointer: &str, length: &str) -> String {
    format!("(i64.or (i64.shl (i64.extend_i32_u {pointer}) (i64.const 32)) (i64.extend_i32_u {length}))")
}

fn fails(engine: &EngineModule) -> RuleFailure {
    engine.call(b"request").unwrap_err()
}

#[test]
fn a_request_comes_back_as_the_module_made_it() {
    let echo = engine(&packed("(local.get 0)", "(local.get 1)"));
    assert_eq!(echo.hash().len(), 64);
    for request in [&b""[..], b"x", "ü".repeat(10_000).as_bytes()] {
        assert_eq!(echo.call(request).unwrap(), request);
    }
}

#[test]
fn nothing_is_left_from_the_call_before() {
    let count = "(i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))";
    let counter = engine(&format!("{count} {}", packed("(i32.const 0)", "(i32.const 1)")));
    assert_eq!([counter.call(b"").unwrap(), counter.call(b"").unwrap()], [[1], [1]]);
}

#[test]
fn every_bad_answer_is_a_failure() {
    let cases = [
        ("unreachable", FailureCode::Trap),
        ("(call $call (local.get 0) (local.get 1)) (i64.add (i64.const 1))", FailureCode::Limit),
        ("(drop (memory.grow (i32.const 10000))) (i64.const 0)", FailureCode::Limit),
        ("(i64.const -1)", FailureCode::OutputTooLarge),
        ("(i64.const 0x0003ffff_00000002)", FailureCode::MalformedOutput),
        ("(i64.const 0xffffffff_00000001)", FailureCode::MalformedOutput),
    ];
    for (call, expected) in cases {
        assert_eq!(fails(&engine(call)).code, expected, "{call}");
    }
    let outside = module("(i64.const 0)", "(i32.const -8)", "");
    assert_eq!(fails(&HOST.load_engine(&outside).unwrap()).code, FailureCode::MalformedOutput);
    let start = module("(i64.const 0)", "(i32.const 0)", "(func $s unreachable) (start $s)");
    assert_eq!(fails(&HOST.load_engine(&start).unwrap()).code, FailureCode::Trap);
}

#[test]
fn fuel_and_size_are_limited() {
    let mut limits = Limits::default();
    limits.engine_call.fuel = 1_000_000;
    limits.engine_call.input_bytes = 10;
    let host = host(limits);
    let looping = module("(loop $again (br $again)) unreachable", "(i32.const 0)", "");
    let looping = host.load_engine(&looping).unwrap();
    assert_eq!(fails(&looping).code, FailureCode::OutOfFuel);
    assert_eq!(looping.call(&[0; 11]).unwrap_err().code, FailureCode::Limit);
}

#[test]
fn a_module_with_imports_or_without_the_exports_is_refused() {
    let import = module("(i64.const 0)", "(i32.const 0)", r#"(import "env" "clock" (func (result i64)))"#);
    let cases = [
        ("an import", import, RefusalCode::OverLimits),
        ("no exports", wat::parse_str("(module)").unwrap(), RefusalCode::LinkFailed),
        ("a component", wat::parse_str("(component)").unwrap(), RefusalCode::NotAComponent),
        ("noise", b"noise".to_vec(), RefusalCode::NotAComponent),
        ("a call of another type", wat::parse_str(
            r#"(module (memory (export "memory") 1) (func (export "allocate") (param i32) (result i32) (i32.const 0))
                 (func (export "call") (param i32) (result i64) (i64.const 0)))"#,
        ).unwrap(), RefusalCode::LinkFailed),
    ];
    for (name, wasm, expected) in cases {
        let refused = HOST.load_engine(&wasm).map(drop).unwrap_err();
        assert_eq!(refused.code, expected, "{name}: {refused}");
    }
}
