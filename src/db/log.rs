//! What a commit adds to the log (WAL), in one write.
//!
//! SQLite hands every changed page to the system in two writes, one of a header and one of the page: ninety system calls for a
//! commit of fifteen people. While a commit runs they are gathered here, up to the header which says that it commits, and
//! written together. So whatever a commit shows to others, and all that is synced, was written before, as it is without this.
//! What was gathered for a commit that fails is forgotten, as SQLite forgets it.
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

/// Bytes before each page in the log (SQLite's file format, 4.1). The second four say how many pages the database has, if the
/// page is the last of a commit, and else nothing.
const HEADER: usize = 24;
/// SQLite's own files write no more at once.
const ROOM: usize = 0x1_ffff;

/// The log of a connection.
pub struct Log(Arc<Mutex<Gathered>>);

impl Log {
    /// Takes over the log of a connection in WAL mode that has read something. One that has no log is left as it is.
    pub fn take_over(conn: &Connection) -> Self {
        let log = Self(Arc::default());
        let mut file: *mut sqlite3_file = null_mut();
        let place = (&raw mut file).cast();
        // SAFETY: the connection is open. SQLite puts a pointer to a file into the place, which is one for such a pointer.
        unsafe { sqlite3_file_control(conn.handle(), c"main".as_ptr(), SQLITE_FCNTL_JOURNAL_POINTER, place) };
        // SAFETY: a file that isn't open has no methods; one that is keeps its own for as long as this program runs.
        if let Some(real) = unsafe { file.as_ref().and_then(|file| file.pMethods.as_ref()) } {
            let methods = Box::new(Methods { ours: Methods::over(real), real, gathered: log.0.clone() });
            // SAFETY: nobody uses the file meanwhile, since this thread has the connection. `close` frees the methods.
            unsafe { (*file).pMethods = Box::into_raw(methods).cast() };
        }
        log
    }

    /// Runs what commits.
    pub fn in_one_write<T>(&self, commit: impl FnOnce() -> T) -> T {
        lock(&self.0).is_on = true;
        let committed = commit();
        lock(&self.0).forget();
        committed
    }
}

fn lock(gathered: &Mutex<Gathered>) -> MutexGuard<'_, Gathered> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a commit has added so far and that isn't in the file yet.
#[derive(Default)]
struct Gathered {
    /// Whether a commit runs, and the header that ends it hasn't come.
    is_on: bool,
    bytes: Vec<u8>,
    /// Where in the file they begin.
    at: i64,
}

impl Gathered {
    /// Gathers what is written, or has it put there. SQLite's result code, as that of `put`.
    fn write(&mut self, bytes: &[u8], at: i64, put: impl Fn(&[u8], i64) -> c_int) -> c_int {
        let is_header = bytes.len() == HEADER;
        let fits = if self.bytes.is_empty() { is_header } else { at == self.end() };
        if !fits || self.bytes.len() + bytes.len() > ROOM {
            let settled = self.settle(&put);
            if settled != SQLITE_OK {
                return settled;
            }
        }
        if !self.is_on || !(fits || is_header) {
            return put(bytes, at);
        }
        if self.bytes.is_empty() {
            self.at = at;
        }
        self.bytes.extend_from_slice(bytes);
        if is_header && bytes[4..8] != [0; 4] {
            self.is_on = false;
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
        self.is_on = false;
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
    /// The file must be one that was taken over, and still open.
    unsafe fn of<'f>(file: *mut sqlite3_file) -> &'f Self {
        // SAFETY: `take_over` put them there, and `close` hasn't freed them yet.
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
    // SAFETY: SQLite closes a file that it has open once, and calls none of its methods afterwards. `take_over` made the box.
    let methods = unsafe { Box::from_raw((*file).pMethods.cast::<Methods>().cast_mut()) };
    // SAFETY: the file is given back what it had.
    unsafe { (*file).pMethods = methods.real };
    // SAFETY: it is the method of this file.
    methods.real.xClose.map_or(SQLITE_IOERR, |close| unsafe { close(file) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use std::cell::RefCell;

    use rusqlite::ffi::SQLITE_FULL;

    use super::*;

    /// What a log of gathered writes has put into its file: where, and how many bytes.
    #[derive(Default)]
    struct Put(RefCell<Vec<(i64, usize)>>);

    impl Put {
        fn write(&self, gathered: &mut Gathered, at: i64, bytes: &[u8]) {
            let put = |bytes: &[u8], at| {
                self.0.borrow_mut().push((at, bytes.len()));
                SQLITE_OK
            };
            assert_eq!(gathered.write(bytes, at, put), SQLITE_OK);
        }
    }

    /// A header of a frame: that of the last one of a commit, or of another.
    fn header(commits: bool) -> [u8; HEADER] {
        let mut header = [7; HEADER];
        header[4..8].copy_from_slice(&u32::from(commits).to_be_bytes());
        header
    }

    const PAGE: [u8; 4096] = [7; 4096];

    #[test]
    fn a_commit_is_written_together_up_to_the_header_that_says_so() {
        let (mut gathered, put) = (Gathered { is_on: true, ..Gathered::default() }, Put::default());
        put.write(&mut gathered, 0, &[7; 32]);
        for (frame, commits) in [false, false, true].into_iter().enumerate() {
            let at = 32 + 4120 * frame as i64;
            put.write(&mut gathered, at, &header(commits));
            put.write(&mut gathered, at + 24, &PAGE);
        }
        assert_eq!(put.0.take(), [(0, 32), (32, 2 * 4120 + 24), (32 + 2 * 4120 + 24, 4096)]);
        // What comes after it is none of it.
        put.write(&mut gathered, 32, &header(false));
        assert_eq!(put.0.take(), [(32, 24)]);
    }

    #[test]
    fn no_more_is_written_at_once_than_sqlite_can_and_nothing_that_does_not_follow() {
        let (mut gathered, put) = (Gathered { is_on: true, ..Gathered::default() }, Put::default());
        for frame in 0..100 {
            put.write(&mut gathered, 32 + 4120 * frame, &header(false));
            put.write(&mut gathered, 56 + 4120 * frame, &PAGE);
        }
        put.write(&mut gathered, 32, &header(true));
        let put = put.0.take();
        assert!(put.iter().all(|(_, bytes)| *bytes <= ROOM), "{put:?}");
        let next = put.iter().scan(32, |at, (_, bytes)| Some(std::mem::replace(at, *at + *bytes as i64)));
        let expected: Vec<_> = next.take(put.len() - 1).chain([32]).collect();
        assert_eq!(put.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected);
        assert_eq!(put.iter().map(|(_, bytes)| bytes).sum::<usize>(), 100 * 4120 + 24);
    }

    /// Nor is it put anywhere later, where somebody else may have written since.
    #[test]
    fn what_could_not_be_written_fails_the_commit_and_is_forgotten() {
        let mut gathered = Gathered { is_on: true, ..Gathered::default() };
        let full = |_: &[u8], _| SQLITE_FULL;
        assert_eq!(gathered.write(&header(false), 32, full), SQLITE_OK);
        assert_eq!(gathered.write(&PAGE, 56, full), SQLITE_OK);
        assert_eq!(gathered.write(&header(true), 4152, full), SQLITE_FULL);
        let put = Put::default();
        put.write(&mut gathered, 32, &header(false));
        assert_eq!(put.0.take(), [(32, 24)]);
    }

    fn connect(folder: &tempfile::TempDir) -> Connection {
        let conn = Connection::open(folder.path().join("test.db")).unwrap();
        conn.execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = 10; select * from sqlite_schema;",
        )
        .unwrap();
        conn
    }

    /// With a cache that is too small for a transaction, so that the log has pages of it before it commits, and with the
    /// writes of another connection in between.
    #[test]
    fn everybody_reads_what_was_committed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (conn, other) = (connect(&folder), connect(&folder));
        conn.execute_batch("create table texts (id integer primary key, text text, unique (text)) strict;").unwrap();
        let log = Log::take_over(&conn);
        let add = |conn: &Connection, rows: i64| {
            conn.execute(
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
                 insert into texts (text) select hex(randomblob(200)) from n",
                [rows],
            )
            .unwrap();
            conn.execute("update texts set text = lower(text) where id % 3 = 0", []).unwrap();
        };
        let seen = |conn: &Connection| {
            let rows = conn.query_row("select count(*) from texts", [], |row| row.get::<_, i64>(0)).unwrap();
            let check = conn.query_row("pragma integrity_check", [], |row| row.get::<_, String>(0)).unwrap();
            (rows, check)
        };
        let mut rows = 0;
        for round in 0..12 {
            conn.execute_batch("begin immediate").unwrap();
            add(&conn, 40 * round + 1);
            if round % 3 == 1 {
                conn.execute_batch("rollback").unwrap();
            } else {
                log.in_one_write(|| conn.execute_batch("commit")).unwrap();
                rows += 40 * round + 1;
            }
            assert_eq!(seen(&other), (rows, "ok".into()), "round {round}");
            if round % 2 == 1 {
                add(&other, 7);
                rows += 7;
            }
            if round == 6 {
                conn.execute_batch("pragma wal_checkpoint(truncate)").unwrap();
            }
            assert_eq!(seen(&conn), (rows, "ok".into()), "round {round}");
        }
        assert!(lock(&log.0).bytes.capacity() > 0, "nothing was gathered");
        conn.close().unwrap();
        drop(other);
        assert_eq!(seen(&connect(&folder)), (rows, "ok".into()));
    }

    #[test]
    fn a_connection_without_a_log_is_left_as_it_is() {
        let conn = Connection::open_in_memory().unwrap();
        let log = Log::take_over(&conn);
        let create = || conn.execute_batch("begin; create table texts (text text) strict; commit");
        log.in_one_write(create).unwrap();
        conn.close().unwrap();
        assert_eq!(lock(&log.0).bytes.capacity(), 0);
    }
}
