//! What commands print on standard output: aligned tables for people, one JSON object per line for programs.

use std::io::{BufWriter, ErrorKind, StdoutLock, Write, stderr};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::error::{Error, Result};

/// Standard output, which the other end of a pipe may close at any time: that is an end, and no error.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    /// Whether nobody reads any more.
    pub closed: bool,
}

/// Prints what `say` says, to the end: what couldn't be printed is an error.
pub fn print<T>(say: impl FnOnce(&mut Output) -> Result<T>) -> Result<T> {
    let mut output = Output { out: BufWriter::new(std::io::stdout().lock()), closed: false };
    let said = say(&mut output)?;
    output.flush()?;
    Ok(said)
}

/// Prints one line.
pub fn print_line(text: &str) -> Result<()> {
    print(|output| output.line(text))
}

/// Prints one JSON object, in one line.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print(|output| output.json(value))
}

/// Says something to whoever sits there, if they still do; what scripts read goes to standard output.
pub fn tell(sentence: &str) {
    drop(writeln!(stderr(), "{sentence}"));
}

impl Output {
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.write(|out| writeln!(out, "{text}"))
    }

    pub fn text(&mut self, text: &str) -> Result<()> {
        self.write(|out| out.write_all(text.as_bytes()))
    }

    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value).map_err(Error::internal)?;
        self.line(&text)
    }

    fn flush(&mut self) -> Result<()> {
        self.write(Write::flush)
    }

    fn write(&mut self, f: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> std::io::Result<()>) -> Result<()> {
        match f(&mut self.out) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => return Err(Error::Unavailable(format!("Cannot print: {error}."))),
            Ok(()) => {}
        }
        Ok(())
    }
}

/// Columns that stay aligned although the rows come in slices: a column only ever grows.
pub struct Table<const N: usize> {
    titles: Option<[&'static str; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    pub fn new(titles: [&'static str; N]) -> Self {
        Self { titles: Some(titles), widths: titles.map(UnicodeWidthStr::width) }
    }

    pub fn print(&mut self, output: &mut Output, rows: &[[String; N]]) -> Result<()> {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        if let Some(titles) = self.titles.take_if(|_| !rows.is_empty()) {
            output.line(&self.aligned(titles))?;
        }
        rows.iter().try_for_each(|row| output.line(&self.aligned(row.each_ref().map(String::as_str))))
    }

    fn aligned(&self, cells: [&str; N]) -> String {
        let mut line = String::new();
        for (cell, width) in cells.into_iter().zip(self.widths) {
            line += cell;
            line.extend(std::iter::repeat_n(' ', width - cell.width() + 2));
        }
        line.truncate(line.trim_end().len());
        line
    }
}
