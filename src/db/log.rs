//! What a commit adds to the log (WAL), in one write.
//!
//! SQLite hands every changed page to the system in two writes, one of a header and one of the page: ninety system calls for a
//! commit of fifteen people. From where a commit begins to write they are gathered here, up to the header which says that it
//! commits, and written together. So whatever a commit shows to others, and all that is synced, was written before, as it is
//! without this. What was gathered for a commit that fails is forgotten, as SQLite forgets it.
//!
//! The only place with `unsafe`: SQLite's own file of the log is given methods of ours, which call its own.

#![expect(unsafe_code, reason = "SQLite calls a file's methods by their addresses")]

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::ffi::{
    SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_IOERR, SQLITE_OK, sqlite3_file, sqlite3_file_control, sqlite3_int64,
    sqlite3_io_methods,
};

use super::leftover::FRAME_HEADER;
use crate::error::{Error, Result};

/// SQLite's own files write no more at once.
const ROOM: usize = 0x1_ffff;

/// The log of a connection.
pub struct Log(Arc<Mutex<Gathered>>);

impl Log {
    /// Takes over the log of a connection, once, in WAL mode and after it has read: before that it has none.
    pub fn take_over(conn: &Connection) -> Result<Self> {
        let log = Self(Arc::default());
        let mut file: *mut sqlite3_file = null_mut();
        let place = (&raw mut file).cast();
        // SAFETY: the connection is open. SQLite puts a pointer to a file into the place, which is one for such a pointer.
        unsafe { sqlite3_file_control(conn.handle(), c"main".as_ptr(), SQLITE_FCNTL_JOURNAL_POINTER, place) };
        // SAFETY: it has none, or a file. Nobody uses that meanwhile, since this thread has the connection.
        if file.is_null() || !unsafe { Methods::cover(file, log.0.clone()) } {
            return Err(Error::internal("a connection without a log"));
        }
        let gathered = log.0.clone();
        conn.commit_hook(Some(move || {
            lock(&gathered).begin();
            false
        }))?;
        Ok(log)
    }

    /// Runs what commits. Before SQLite comes to that, it may write and read what the cache has no room for; that isn't gathered.
    pub fn in_one_write<T>(&self, commit: impl FnOnce() -> T) -> T {
        let _until_then = Committing::begin(&self.0);
        commit()
    }
}

/// A commit that runs; nothing is left of what it gathered once this is dropped.
struct Committing<'l>(&'l Mutex<Gathered>);

impl<'l> Committing<'l> {
    fn begin(gathered: &'l Mutex<Gathered>) -> Self {
        lock(gathered).stage = Stage::Begun;
        Self(gathered)
    }
}

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        lock(self.0).forget();
    }
}

fn lock(gathered: &Mutex<Gathered>) -> MutexGuard<'_, Gathered> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far a commit is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Over,
    /// It hasn't come to what is only its own to write.
    Begun,
    /// All that is written is its own, up to the header that ends it.
    Writes,
}

/// What a commit has added so far and that isn't in the file yet.
#[derive(Default)]
struct Gathered {
    stage: Stage,
    bytes: Vec<u8>,
    /// Where in the file they begin.
    at: i64,
}

impl Gathered {
    /// From now on what is written belongs to the commit that runs, if one does.
    fn begin(&mut self) {
        if self.stage == Stage::Begun {
            self.stage = Stage::Writes;
        }
    }

    /// Gathers what is written, or has it put there. SQLite's result code, as that of `put`.
    fn write(&mut self, bytes: &[u8], at: i64, put: impl Fn(&[u8], i64) -> c_int) -> c_int {
        let is_header = bytes.len() == FRAME_HEADER;
        let follows = if self.bytes.is_empty() { is_header } else { at == self.end() };
        if !follows || self.bytes.len() + bytes.len() > ROOM {
            let settled = self.settle(&put);
            if settled != SQLITE_OK {
                return settled;
            }
        }
        if self.stage != Stage::Writes || !(follows || is_header) {
            return put(bytes, at);
        }
        if self.bytes.is_empty() {
            self.at = at;
        }
        self.bytes.extend_from_slice(bytes);
        // How many pages the database has, if the page is the last of a commit (SQLite's file format, 4.1); else nothing.
        if is_header && bytes[4..8] != [0; 4] {
            self.stage = Stage::Over;
            return self.settle(&put);
        }
        SQLITE_OK
    }

    fn end(&self) -> i64 {
        self.at + self.bytes.len() as i64
    }

    /// Has all that was gathered put where it belongs. If that fails, so does the commit.
    fn settle(&mut self, put: impl Fn(&[u8], i64) -> c_int) -> c_int {
        let put = if self.bytes.is_empty() { SQLITE_OK } else { put(&self.bytes, self.at) };
        self.bytes.clear();
        put
    }

    fn forget(&mut self) {
        self.stage = Stage::Over;
        self.bytes.clear();
    }
}

/// What SQLite calls instead of the methods of its file. They come first: its pointer to them is one to all of this.
#[repr(C)]
struct Methods {
    ours: sqlite3_io_methods,
    real: &'static sqlite3_io_methods,
    gathered: Arc<Mutex<Gathered>>,
}

impl Methods {
    /// Puts them in the place of a file's own, until it is closed. Whether it is open.
    ///
    /// # Safety
    ///
    /// The file must be one of SQLite's, and not in use. Its methods are there for as long as the program runs.
    unsafe fn cover(file: *mut sqlite3_file, gathered: Arc<Mutex<Gathered>>) -> bool {
        // SAFETY: a file that isn't open has no methods.
        let Some(real) = (unsafe { (*file).pMethods.as_ref() }) else { return false };
        let methods = Box::new(Self { ours: Self::over(real), real, gathered });
        // SAFETY: they are what SQLite expects there. `close` frees them.
        unsafe { (*file).pMethods = Box::into_raw(methods).cast() };
        true
    }

    /// Those of a file, but for what has to know of what is gathered.
    fn over(real: &sqlite3_io_methods) -> sqlite3_io_methods {
        sqlite3_io_methods {
            xWrite: Some(write),
            xRead: Some(read),
            xSync: Some(sync),
            xTruncate: Some(truncate),
            xFileSize: Some(size),
            xClose: Some(close),
            ..*real
        }
    }

    /// # Safety
    ///
    /// The file must be one that was covered, and still open.
    unsafe fn of<'f>(file: *mut sqlite3_file) -> &'f Self {
        // SAFETY: `cover` put them there, and `close` hasn't freed them yet.
        unsafe { &*(*file).pMethods.cast() }
    }

    /// # Safety
    ///
    /// The file must be the one that has these methods.
    unsafe fn put(&self, file: *mut sqlite3_file, bytes: &[u8], at: i64) -> c_int {
        // SAFETY: so many bytes are there to be read; they are no more than SQLite itself hands over, or `ROOM`.
        self.real
            .xWrite
            .map_or(SQLITE_IOERR, |write| unsafe { write(file, bytes.as_ptr().cast(), bytes.len() as c_int, at) })
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, amount: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this for a file it has open, with so many bytes to be read.
    let (methods, bytes) = unsafe { (Methods::of(file), slice::from_raw_parts(from.cast(), amount as usize)) };
    // SAFETY: they are the methods of this file.
    lock(&methods.gathered).write(bytes, at, |bytes, at| unsafe { methods.put(file, bytes, at) })
}

/// Methods that find in the file what was gathered.
macro_rules! settled {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*);)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $($argument: $type),*) -> c_int {
            // SAFETY: SQLite calls this for a file it has open.
            let methods = unsafe { Methods::of(file) };
            // SAFETY: they are the methods of this file.
            let settled = lock(&methods.gathered).settle(|bytes, at| unsafe { methods.put(file, bytes, at) });
            match methods.real.$method {
                // SAFETY: it is given what SQLite gave.
                Some(real) if settled == SQLITE_OK => unsafe { real(file, $($argument),*) },
                Some(_) => settled,
                None => SQLITE_IOERR,
            }
        }
    )*};
}

settled! {
    read = xRead(into: *mut c_void, amount: c_int, at: sqlite3_int64);
    sync = xSync(flags: c_int);
    truncate = xTruncate(size: sqlite3_int64);
    size = xFileSize(size: *mut sqlite3_int64);
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that it has open once, and calls none of its methods afterwards. `cover` made the box.
    let methods = unsafe { Box::from_raw((*file).pMethods.cast::<Methods>().cast_mut()) };
    // SAFETY: the file is given back what it had.
    unsafe { (*file).pMethods = methods.real };
    // SAFETY: it is the method of this file.
    methods.real.xClose.map_or(SQLITE_IOERR, |close| unsafe { close(file) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;
