//! The bundled client driving the recorded day, seen from outside: what it says was acknowledged, line by line.

use crate::demo::{self, Demo};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running client.
pub struct Driving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: Option<std::thread::JoinHandle<String>>,
    /// What was acknowledged so far, in order.
    pub acknowledged: Vec<Value>,
}

impl Driving {
    /// Starts the client, which sends everything in a file of recorded visits.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(demo: &Demo, url: &str, visits: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(crate::built("SOPWITH_BIN")?)
            // The operator of the company's first day: a server whose clock begins anew knows no later grants.
            .args(["client", "drive", "--server", url, "--acknowledged", "-", "--operator", "usr_admin"])
            .arg("--tokens")
            .arg(&demo.tokens_file)
            .arg("--visits")
            .arg(visits)
            .arg("--evidence")
            .arg(demo::photos()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("sopwith client drive")?;
        let lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        let mut stderr = child.stderr.take().context("stderr")?;
        let log = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Self { child, lines, log: Some(log), acknowledged: Vec::new() })
    }

    /// Waits until one thing more is acknowledged; false when there is nothing more.
    ///
    /// # Errors
    /// The client cannot be listened to.
    pub fn one(&mut self) -> anyhow::Result<bool> {
        let Some(line) = self.lines.next().transpose()? else { return Ok(false) };
        if !line.starts_with('{') {
            return self.one();
        }
        self.acknowledged.push(serde_json::from_str(&line)?);
        Ok(true)
    }

    /// Waits until so many more things are acknowledged.
    ///
    /// # Errors
    /// It ends before.
    pub fn some(&mut self, count: u64) -> anyhow::Result<()> {
        for _ in 0..count {
            if !self.one()? {
                let n = self.acknowledged.len();
                let log = self.ended()?;
                anyhow::bail!("the client ended after {n} acknowledgements: {log}");
            }
        }
        Ok(())
    }

    /// Waits until all is driven; what was acknowledged in all.
    ///
    /// # Errors
    /// The client fails.
    pub fn finish(mut self) -> anyhow::Result<Vec<Value>> {
        while self.one()? {}
        let log = self.ended()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "client drive: {status}: {log}");
        Ok(std::mem::take(&mut self.acknowledged))
    }

    /// Ends the client where it is; what was acknowledged so far.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn kill(mut self) -> anyhow::Result<Vec<Value>> {
        self.child.kill()?;
        // What it had said before counts too.
        while self.one()? {}
        self.child.wait()?;
        Ok(std::mem::take(&mut self.acknowledged))
    }

    fn ended(&mut self) -> anyhow::Result<String> {
        self.child.wait()?;
        Ok(self.log.take().and_then(|log| log.join().ok()).unwrap_or_default())
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        if let Err(error) = self.child.wait() {
            eprintln!("the client cannot be waited for: {error}");
        }
    }
}

/// A member of an acknowledgement.
#[must_use]
pub fn member<'a>(acknowledged: &'a Value, name: &str) -> Option<&'a str> {
    acknowledged.get(name).and_then(Value::as_str)
}
