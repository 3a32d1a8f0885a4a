//! How far long work is, for whoever waits: a bar on a terminal, a line now and then elsewhere. Always on standard error,
//! so that what a command prints can be piped.
#![expect(clippy::print_stderr, reason = "it speaks to a terminal")]

use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::words;
use crate::error::Result;

/// A moment in long work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is being done: "Copying".
    pub what: &'static str,
    pub done: u64,
    /// How much there is to do; 0 if nobody knows.
    pub of: u64,
}

/// Who hears of the steps; they can stop the work by an error.
pub type Told<'a> = &'a mut dyn FnMut(Step) -> Result<()>;

/// Whether whoever reads the lines takes nothing but those of the log.
static SILENT: AtomicBool = AtomicBool::new(false);

/// From now on nothing is shown.
pub fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Shows how far some work is, until it ends. A step that takes long is shown again, so that nobody takes it for stuck.
pub fn shown<T>(work: impl FnOnce(Told) -> Result<T>) -> Result<T> {
    let progress = Mutex::new(Progress::begin());
    let progress = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    let (working, ended) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let ended = ended;
            while ended.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
                drop(progress().tell_again());
            }
        });
        let working = working;
        let result = work(&mut |step| progress().tell(step));
        drop(working);
        result
    })
}

/// Work that is shorter than this shows nothing at all.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often a bar moves, and how often a line is written where there is no terminal.
const BAR_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(5);
const WIDTH: u64 = 30;

/// Shows steps as they come.
pub struct Progress {
    terminal: bool,
    begun: Instant,
    /// When something was shown last, and of which work.
    shown: Option<(Instant, &'static str)>,
    /// How far it is, shown or not.
    last: Option<Step>,
}

impl Progress {
    pub fn begin() -> Self {
        Self { terminal: stderr().is_terminal(), begun: Instant::now(), shown: None, last: None }
    }

    /// Shows a step. What can't be shown is no reason to stop.
    pub fn tell(&mut self, step: Step) -> Result<()> {
        self.last = Some(step);
        let (patience, every) =
            if self.terminal { (PATIENCE, BAR_EVERY) } else { (LINE_EVERY.saturating_sub(PATIENCE), LINE_EVERY) };
        let recent = self.shown.is_some_and(|(at, what)| at.elapsed() < every && (what == step.what || !self.terminal));
        if recent || self.begun.elapsed() < patience || SILENT.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.shown = Some((Instant::now(), step.what));
        drop(if self.terminal { write!(stderr(), "\r\x1b[2K{}", step.bar()) } else { writeln!(stderr(), "{step}") });
        drop(stderr().flush());
        Ok(())
    }

    fn tell_again(&mut self) -> Result<()> {
        self.last.map_or(Ok(()), |step| self.tell(step))
    }

    /// Takes the bar away: what follows is written where it stood.
    fn end(&mut self) {
        if self.terminal && self.shown.take().is_some() {
            eprint!("\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl Step {
    fn bar(&self) -> String {
        if self.of == 0 {
            return self.to_string();
        }
        let full = usize::try_from(self.done.min(self.of) * WIDTH / self.of).unwrap_or_default();
        let empty = usize::try_from(WIDTH).unwrap_or_default() - full;
        format!("{:<10} [{}{}] {:>3} %", self.what, "#".repeat(full), "·".repeat(empty), self.percent())
    }

    fn percent(&self) -> u64 {
        self.done.min(self.of) * 100 / self.of.max(1)
    }
}

/// `Copying: 42 %`, or `Printing: 12,000` where nobody knows the end.
impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.of {
            0 => write!(f, "{}: {}", self.what, words::number(self.done)),
            _ => write!(f, "{}: {} %", self.what, self.percent()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_bars_and_lines() {
        let half = Step { what: "Copying", done: 15, of: 30 };
        assert_eq!(half.to_string(), "Copying: 50 %");
        assert_eq!(half.bar(), format!("Copying    [{}{}]  50 %", "#".repeat(15), "·".repeat(15)));
        assert_eq!(Step { done: 40, ..half }.bar(), format!("Copying    [{}] 100 %", "#".repeat(30)));
        assert_eq!(Step { what: "Printing", done: 12_000, of: 0 }.bar(), "Printing: 12,000");
        assert_eq!(Step { done: 0, ..half }.to_string(), "Copying: 0 %");
    }
}
