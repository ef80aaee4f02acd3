//! How a process shuts itself in: from here on it can use memory, read what is open, write what is open, and end.
//!
//! On Linux a system-call filter answers everything else with "not permitted": no file, no socket, no process, no thread,
//! no page that is both new and executable. Elsewhere there is no such filter and only the parent's clock protects; serve
//! from Linux.

use std::io;

/// Gives up what compiling does not need. If that fails, do not compile.
pub(super) fn enter() -> io::Result<()> {
    lower_limits()?;
    forbid_system_calls()
}

/// No file may grow and no descriptor be opened. (Time and memory are limited by the parent.)
#[cfg(unix)]
fn lower_limits() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for resource in [Resource::Fsize, Resource::Nofile, Resource::Core] {
        setrlimit(resource, Rlimit { current: Some(0), maximum: Some(0) })?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn lower_limits() -> io::Result<()> {
    Ok(())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn forbid_system_calls() -> io::Result<()> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

    /// Memory, the pipes, locks, signals, randomness for hash seeds, and the end.
    const ALLOWED: [libc::c_long; 26] = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_restart_syscall,
        libc::SYS_membarrier,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    let mut rules: std::collections::BTreeMap<_, _> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![not_executable()?]);
    }
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, arch).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

/// The protection asked for (third argument of `mmap` and `mprotect`) has no `PROT_EXEC` in it.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn not_executable() -> io::Result<seccompiler::SeccompRule> {
    use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
    let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
    let condition = SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(executable), 0)
        .map_err(io::Error::other)?;
    SeccompRule::new(vec![condition]).map_err(io::Error::other)
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn forbid_system_calls() -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::fs::File;
    use std::io::{self, ErrorKind};
    use std::net::{TcpStream, UdpSocket};
    use std::process::Command;

    /// The filter holds for the thread that asks for it, so the test spends one.
    #[test]
    fn after_the_filter_there_is_no_file_no_socket_no_process_and_no_thread() {
        let attempts = std::thread::spawn(|| {
            super::forbid_system_calls().unwrap();
            let kind = |result: io::Result<()>| result.err().map(|error| error.kind());
            [
                ("read a file", kind(File::open("/proc/self/status").map(drop))),
                ("make a file", kind(File::create(std::env::temp_dir().join("sopwith-sandbox-test")).map(drop))),
                ("open a socket", kind(UdpSocket::bind("127.0.0.1:0").map(drop))),
                ("connect", kind(TcpStream::connect("127.0.0.1:9").map(drop))),
                ("start a process", kind(Command::new("/bin/true").spawn().map(drop))),
                ("start a thread", kind(std::thread::Builder::new().spawn(|| ()).map(drop))),
            ]
        })
        .join()
        .unwrap();
        for (what, kind) in attempts {
            assert_eq!(kind, Some(ErrorKind::PermissionDenied), "{what}");
        }
    }
}
