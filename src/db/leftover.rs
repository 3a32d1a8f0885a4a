//! What a process that was killed left behind: a log (`-wal`) whose end may be half a transaction, which SQLite leaves out.
//!
//! It leaves out as quietly what was whole once and was cut off or damaged since. But beside the log lies the shared
//! memory (`-shm`) in which SQLite had noted, after syncing, how much of the log was committed. If that much isn't there
//! any more, answered writes are lost, and whoever runs the server has to know before anything builds on the rest. And it
//! takes a database that ends within its last page for whole, with nothing in the rest of it.
//!
//! The formats: <https://sqlite.org/walformat.html>, <https://sqlite.org/fileformat.html>.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::beside;
use crate::error::{Error, Result};
use crate::files::{has_bytes, read_start};

/// Two copies of the index header, and how much of the log is in the database already.
const SHARED: usize = 2 * HEADER + 4;
const HEADER: usize = 48;
const LOG_HEADER: usize = 32;
/// Before each page in the log.
pub const FRAME_HEADER: usize = 24;
/// What every database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What was noted of the log when the last transaction was committed.
#[derive(PartialEq)]
pub struct Noted {
    page: usize,
    frames: u32,
    /// Of these, so many are in the database already.
    copied: u32,
    /// Tells this log from those before it.
    salt: [u8; 8],
}

/// Called before the first connection of this process is open: closing a file lets go of all locks that it has there.
///
/// # Errors
///
/// [`Error::Unavailable`] if the file is shorter than it was, or the log lacks something that was committed, with what to do.
pub fn require_whole(database: &Path) -> Result<()> {
    require_length(database)?;
    require_whole_log(database)
}

/// The bytes of a database's header that tell of its length.
const HEADER_OF_PAGES: usize = 100;

/// While a log waits, the file may lack what is in that.
fn require_length(database: &Path) -> Result<()> {
    let waits = |ending| has_bytes(&beside(database, ending));
    if waits("-wal") || waits("-journal") {
        return Ok(());
    }
    let mut header = [0; HEADER_OF_PAGES];
    let read = File::open(database).and_then(|file| {
        read_start(&file, &mut header)?;
        file.metadata()
    });
    let length = match read {
        Ok(file) => file.len(),
        // What is no database, or none yet, is said by who opens it.
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof | ErrorKind::IsADirectory) =>
        {
            return Ok(());
        }
        Err(error) => return Err(Error::Unavailable(format!("Cannot read {}: {error}.", database.display()))),
    };
    let word = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65536,
        size => u64::from(size),
    };
    // Some other program may have left the number of pages as it was (section 1.3.8).
    let pages = if word(24) == word(92) { u64::from(word(28)) } else { 0 };
    if !header.starts_with(MAGIC) || page == 0 || length % page == 0 && length >= pages * page {
        return Ok(());
    }
    let whole = (pages * page).max(length.next_multiple_of(page));
    Err(Error::Unavailable(format!(
        "{} was cut off: of {whole} bytes, {length} are there. Restore a good backup: rollcall restore FILE",
        database.display()
    )))
}

/// Whether the log lacks nothing that was committed, see [`require_whole`].
pub fn require_whole_log(database: &Path) -> Result<()> {
    let (log, shared) = (beside(database, "-wal"), beside(database, "-shm"));
    let noted = || noted(&File::open(&shared).ok()?);
    let Some(before) = noted().filter(|noted| noted.copied < noted.frames) else { return Ok(()) };
    let whole = whole_frames(&log, &before);
    // A server that is running goes on while we look.
    if whole >= before.frames || noted().as_ref() != Some(&before) {
        return Ok(());
    }
    Err(Error::Unavailable(format!(
        "{} was cut off or damaged: of {} pages that were written last, {whole} are left, so what was answered at the end \
         is lost. Restore a backup: rollcall restore FILE. To go on with the rest, delete {} and see what `rollcall check` says",
        log.display(),
        before.frames,
        shared.display()
    )))
}

/// What was noted of the log of an open database that isn't all in the database; nothing if that can't be told just now.
pub fn noted_log(shared: &File) -> Option<Noted> {
    noted(shared).filter(|noted| noted.copied < noted.frames)
}

/// Whether a file begins as the log does that was noted.
pub fn is_of_log(log: &File, noted: &Noted) -> bool {
    let mut header = [0; LOG_HEADER];
    read_start(log, &mut header).is_ok() && header[16..24] == noted.salt
}

/// Whether it is a database that has a log: two bytes say so (section 1.3.3), and in a backup they say that it has none.
pub fn keeps_log(database: &File) -> bool {
    let mut header = [0; HEADER_OF_PAGES];
    read_start(database, &mut header).is_ok() && header.starts_with(MAGIC) && header[18..20] == [2, 2]
}

/// Whether a file may be a copy of a database in use that was made without its log.
pub fn may_lack_its_log(database: &Path) -> bool {
    File::open(database).is_ok_and(|file| keeps_log(&file)) && !has_bytes(&beside(database, "-wal"))
}

impl Noted {
    /// Bytes that the log has at least.
    pub fn bytes(&self) -> u64 {
        (LOG_HEADER + self.frames as usize * (FRAME_HEADER + self.page)) as u64
    }
}

/// Nothing if there is none, or none that can be trusted.
fn noted(shared: &File) -> Option<Noted> {
    let mut bytes = [0; SHARED];
    read_start(shared, &mut bytes).ok()?;
    let (first, second) = bytes.split_at(HEADER);
    let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let sum = checksum((0, 0), first.get(..40)?, u32::from_ne_bytes);
    let is_whole = first == &second[..HEADER] && first[12] == 1 && sum == (word(40)?, word(44)?);
    let size = u16::from_ne_bytes([bytes[14], bytes[15]]);
    let page = if size == 1 { 65536 } else { size.into() };
    let noted = Noted { page, frames: word(16)?, copied: word(96)?, salt: bytes[32..40].try_into().ok()? };
    Some(noted).filter(|_| is_whole)
}

/// How many of the noted frames are in the log as they were written.
fn whole_frames(log: &Path, noted: &Noted) -> u32 {
    let Ok(file) = File::open(log) else { return 0 };
    let mut file = BufReader::with_capacity(64 * 1024, file);
    let mut header = [0; LOG_HEADER];
    if file.read_exact(&mut header).is_err() {
        return 0;
    }
    // The last bit of the magic number says in which order checksums read their words.
    let order = if header[3] & 1 == 1 { u32::from_be_bytes } else { u32::from_le_bytes };
    let mut sum = checksum((0, 0), &header[..24], order);
    if sum != sums(&header[24..]) {
        return 0;
    }
    if header[16..24] != noted.salt {
        return if is_later(&header, noted) { noted.frames } else { 0 };
    }
    let mut frame = vec![0; FRAME_HEADER + noted.page];
    let is_whole = |_: &u32| {
        let read = file.read_exact(&mut frame).is_ok();
        sum = checksum(checksum(sum, &frame[..8], order), &frame[FRAME_HEADER..], order);
        read && frame[8..16] == noted.salt && sum == sums(&frame[16..])
    };
    (0..noted.frames).take_while(is_whole).fold(0, |whole, _| whole + 1)
}

/// Whether the log was begun anew since: a power cut leaves notes that are older than the log. Each log counts one up.
fn is_later(header: &[u8; LOG_HEADER], noted: &Noted) -> bool {
    let count = |salt: &[u8]| salt.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let ahead = count(&header[16..]).wrapping_sub(count(&noted.salt));
    (1..1_000_000).contains(&ahead)
}

fn sums(bytes: &[u8]) -> (u32, u32) {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    (word(0), word(4))
}

/// SQLite's: two sums, each over the other.
fn checksum(start: (u32, u32), bytes: &[u8], order: fn([u8; 4]) -> u32) -> (u32, u32) {
    let (pairs, _) = bytes.as_chunks::<8>();
    pairs.iter().fold(start, |(first, second), [a, b, c, d, e, f, g, h]| {
        let first = first.wrapping_add(order([*a, *b, *c, *d])).wrapping_add(second);
        let second = second.wrapping_add(order([*e, *f, *g, *h])).wrapping_add(first);
        (first, second)
    })
}
