//! Compiling, in a child process: compilers are not made for hostile input, so this one may crash, loop and eat.
//!
//! Bytes go in on stdin and come out on stdout. The child has no environment, no key and no file; it gives up further
//! system calls before it reads the first byte (`child`, `sandbox`). This side sets its limits, holds the clock, and takes
//! nothing on trust but a complete frame. What the child cannot be kept from is making wrong code: that it compiles what
//! it was given is what we trust Cranelift for.

mod child;
mod sandbox;

pub use child::compile_child;

use crate::code::TrustedCode;
use crate::error::{RefusalCode, Refused};
use crate::limits::CompileLimits;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Before the code on the child's stdout, so that the output of another program is never taken for code.
const FRAME: &[u8] = b"sopwith.code.frame.1\n";

/// How often the end of the child is looked for once it has closed its stdout.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// Who compiles.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// A program that calls [`compile_child`], usually this one under a hidden command.
    Child {
        /// Path of the program.
        program: PathBuf,
        /// Its arguments.
        args: Vec<OsString>,
    },
}

/// Machine code for `wasm`, which has passed `policy`.
pub(crate) fn compile(compiler: &Compiler, wasm: &[u8], limits: &CompileLimits) -> Result<TrustedCode, Refused> {
    let Compiler::Child { program, args } = compiler;
    let deadline = Instant::now() + limits.wall;
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| unavailable(format!("cannot start {}: {error}", program.display())))?;
    let outcome = converse(&mut child, wasm, limits, deadline);
    end(&mut child);
    read_frame(outcome?)
}

/// What the child wrote, and how it ended.
struct Output {
    bytes: Vec<u8>,
    status: ExitStatus,
}

/// Feeds the child and listens to it, each in a thread of its own, so that neither can block past the deadline.
fn converse(child: &mut Child, wasm: &[u8], limits: &CompileLimits, deadline: Instant) -> Result<Output, Refused> {
    // The child reads before it does anything, so the limits stand before the first hostile byte arrives.
    limit(child, limits).map_err(|error| unavailable(format!("cannot limit the compiler: {error}")))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(unavailable("the compiler has no pipes"));
    };
    let wasm = wasm.to_vec();
    spawn("compiler-stdin", move || {
        // A child that ends early closes the pipe; its exit status says why.
        if let Err(error) = stdin.write_all(&wasm) {
            tracing::debug!(%error, "the compiler did not read its input to the end");
        }
    })?;
    let (sender, output) = channel();
    let most = (FRAME.len() + limits.code_bytes + 1) as u64;
    spawn("compiler-stdout", move || {
        let mut bytes = Vec::new();
        let read = stdout.take(most).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more once the deadline has passed.
        sender.send(read).ok();
    })?;
    let bytes = match output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(unavailable(format!("cannot read from the compiler: {error}"))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(timed_out(limits)),
    };
    if bytes.len() as u64 >= most {
        let detail = format!("its machine code is larger than {} bytes", limits.code_bytes);
        return Err(Refused::new(RefusalCode::CompileFailed, detail));
    }
    let status = wait(child, deadline, limits)?;
    Ok(Output { bytes, status })
}

/// The standard library cannot wait with a deadline; after the end of its output a child is all but gone.
fn wait(child: &mut Child, deadline: Instant, limits: &CompileLimits) -> Result<ExitStatus, Refused> {
    let (_nobody, pause): (_, Receiver<()>) = channel();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() >= deadline => return Err(timed_out(limits)),
            Ok(None) => {
                pause.recv_timeout(EXIT_POLL).ok();
            }
            Err(error) => return Err(unavailable(format!("cannot wait for the compiler: {error}"))),
        }
    }
}

/// Makes sure the child is gone. One that has ended by itself is only collected.
fn end(child: &mut Child) {
    if let Err(error) = child.kill() {
        tracing::warn!(%error, "cannot kill the compiler");
    }
    if let Err(error) = child.wait() {
        tracing::warn!(%error, "cannot collect the compiler");
    }
}

fn read_frame(output: Output) -> Result<TrustedCode, Refused> {
    let Output { bytes, status } = output;
    if status.success() {
        return match bytes.strip_prefix(FRAME) {
            Some(code) => Ok(TrustedCode::vouch_for(code.to_vec())),
            None => Err(unavailable("the program does not answer like the compiler")),
        };
    }
    match status.code() {
        Some(child::REFUSED) => {
            let detail: String = String::from_utf8_lossy(&bytes).chars().take(500).collect();
            Err(Refused::new(RefusalCode::CompileFailed, detail))
        }
        Some(child::NO_SANDBOX) => Err(unavailable("the compiler cannot shut itself in on this system")),
        _ if ran_out_of_cpu(status) => {
            Err(Refused::new(RefusalCode::CompileTimeout, "it takes too much processor time"))
        }
        // A crash: out of memory, out of stack, or a bug in the compiler.
        _ => Err(Refused::new(RefusalCode::CompileFailed, format!("the compiler ended with {status}"))),
    }
}

/// Processor time and address space, set from outside so that they hold whatever the program is.
#[cfg(target_os = "linux")]
fn limit(child: &Child, limits: &CompileLimits) -> std::io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let set = |resource, soft: u64, hard: u64| {
        let new = Rlimit { current: Some(soft), maximum: Some(hard) };
        prlimit(Some(Pid::from_child(child)), resource, new).map(drop)
    };
    set(Resource::Cpu, limits.cpu_seconds, limits.cpu_seconds.saturating_add(1))?;
    set(Resource::As, limits.address_space_bytes, limits.address_space_bytes)?;
    set(Resource::Core, 0, 0)?;
    Ok(())
}

/// Elsewhere only the wall clock stops it: good enough to develop on, not to serve from.
#[cfg(not(target_os = "linux"))]
fn limit(_child: &Child, _limits: &CompileLimits) -> std::io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn ran_out_of_cpu(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(target_os = "linux"))]
fn ran_out_of_cpu(_status: ExitStatus) -> bool {
    false
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(|error| unavailable(format!("cannot start a thread: {error}")))
}

fn timed_out(limits: &CompileLimits) -> Refused {
    Refused::new(RefusalCode::CompileTimeout, format!("it takes longer than {} ms", limits.wall.as_millis()))
}

fn unavailable(detail: impl Into<String>) -> Refused {
    Refused::new(RefusalCode::CompilerUnavailable, detail)
}
