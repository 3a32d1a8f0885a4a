use std::cell::{Cell, RefCell};
use std::ptr::null;

use rusqlite::ffi::SQLITE_FULL;

use super::*;

/// A header of a frame: that of the last one of a commit, or of another.
fn header(commits: bool) -> [u8; FRAME_HEADER] {
    let mut header = [7; FRAME_HEADER];
    header[4..8].copy_from_slice(&u32::from(commits).to_be_bytes());
    header
}

const PAGE: [u8; 4096] = [7; 4096];
/// Bytes of a header and its page, and of what is at the beginning of a log.
const FRAME: i64 = 4120;
const BEGIN: i64 = 32;

fn writing() -> Gathered {
    Gathered { stage: Stage::Writes, ..Gathered::default() }
}

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

#[test]
fn a_commit_is_written_together_up_to_the_header_that_says_so() {
    let (mut gathered, put) = (writing(), Put::default());
    put.write(&mut gathered, 0, &[7; BEGIN as usize]);
    for (frame, commits) in (0..).zip([false, false, true]) {
        put.write(&mut gathered, BEGIN + FRAME * frame, &header(commits));
        put.write(&mut gathered, BEGIN + FRAME * frame + 24, &PAGE);
    }
    assert_eq!(put.0.take(), [(0, 32), (BEGIN, 2 * 4120 + 24), (BEGIN + 2 * FRAME + 24, 4096)]);
    // What comes after it is none of it.
    put.write(&mut gathered, BEGIN, &header(false));
    assert_eq!(put.0.take(), [(BEGIN, 24)]);
}

#[test]
fn what_is_written_before_a_commit_comes_to_it_is_not_gathered() {
    let (log, put) = (Log(Arc::default()), Put::default());
    lock(&log.0).begin();
    put.write(&mut lock(&log.0), BEGIN, &header(false));
    log.in_one_write(|| put.write(&mut lock(&log.0), BEGIN, &header(false)));
    assert_eq!(put.0.take(), [(BEGIN, 24); 2]);
    log.in_one_write(|| {
        lock(&log.0).begin();
        put.write(&mut lock(&log.0), BEGIN, &header(false));
        assert_eq!(put.0.take(), []);
    });
    // That commit failed: nothing of it comes any more, nor is anything gathered until the next one.
    put.write(&mut lock(&log.0), BEGIN, &header(false));
    assert_eq!(put.0.take(), [(BEGIN, 24)]);
}

/// SQLite cuts what is longer off, and takes the rest for a full disk.
#[test]
fn no_more_is_written_at_once_than_sqlite_can_and_nothing_that_does_not_follow() {
    let (mut gathered, put) = (writing(), Put::default());
    for frame in 0..100 {
        put.write(&mut gathered, BEGIN + FRAME * frame, &header(false));
        put.write(&mut gathered, BEGIN + FRAME * frame + 24, &PAGE);
    }
    put.write(&mut gathered, BEGIN, &header(true));
    let mut put = put.0.take();
    assert_eq!(put.pop(), Some((BEGIN, 24)));
    assert!(put.len() == 4 && put.iter().all(|(_, bytes)| *bytes <= 131_071), "{put:?}");
    let end = put.iter().fold(BEGIN, |end, (at, bytes)| if *at == end { end + *bytes as i64 } else { -1 });
    assert_eq!(end, BEGIN + 100 * FRAME, "{put:?}");
}

/// Nor is it put anywhere later, where somebody else may have written since.
#[test]
fn what_could_not_be_written_fails_the_commit_and_is_forgotten() {
    let full = |_: &[u8], _| SQLITE_FULL;
    let last: [(i64, &[u8]); 2] = [(BEGIN + FRAME, &header(true)), (BEGIN + 9 * FRAME, &PAGE)];
    for (at, bytes) in last {
        let mut gathered = writing();
        assert_eq!(gathered.write(&header(false), BEGIN, full), SQLITE_OK);
        assert_eq!(gathered.write(&PAGE, BEGIN + 24, full), SQLITE_OK);
        assert_eq!(gathered.write(bytes, at, full), SQLITE_FULL);
        gathered.forget();
        let put = Put::default();
        put.write(&mut gathered, BEGIN, &header(false));
        assert_eq!(put.0.take(), [(BEGIN, 24)]);
    }
}

/// A file that SQLite might have opened, and what it was asked.
#[repr(C)]
struct Fake {
    file: sqlite3_file,
    asked: Vec<&'static str>,
    is_full: bool,
}

macro_rules! asked {
    ($($name:ident($($type:ty),*);)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file, $(_: $type),*) -> c_int {
            // SAFETY: only files that begin a `Fake` have this method.
            let fake = unsafe { &mut *file.cast::<Fake>() };
            fake.asked.push(stringify!($name));
            if fake.is_full && stringify!($name) == "written" { SQLITE_FULL } else { SQLITE_OK }
        }
    )*};
}

asked! {
    written(*const c_void, c_int, sqlite3_int64);
    has_read(*mut c_void, c_int, sqlite3_int64);
    synced(c_int);
    truncated(sqlite3_int64);
    sized(*mut sqlite3_int64);
    closed();
}

#[test]
fn whoever_asks_the_file_finds_what_was_gathered() {
    type Ask = unsafe fn(&sqlite3_io_methods, *mut sqlite3_file) -> c_int;
    // SAFETY: those of a `Fake` look at no other argument than the file.
    let asks: [(&str, Ask); 4] = unsafe {
        [
            ("has_read", |of, file| (of.xRead.unwrap())(file, null_mut(), 0, 0)),
            ("synced", |of, file| (of.xSync.unwrap())(file, 0)),
            ("truncated", |of, file| (of.xTruncate.unwrap())(file, 0)),
            ("sized", |of, file| (of.xFileSize.unwrap())(file, null_mut())),
        ]
    };
    // SAFETY: nobody calls a method that it doesn't have; all of them may be missing.
    let none: sqlite3_io_methods = unsafe { std::mem::zeroed() };
    let own = Box::leak(Box::new(sqlite3_io_methods {
        xWrite: Some(written),
        xRead: Some(has_read),
        xSync: Some(synced),
        xTruncate: Some(truncated),
        xFileSize: Some(sized),
        xClose: Some(closed),
        ..none
    }));
    for (name, ask) in asks {
        let mut fake = Fake { file: sqlite3_file { pMethods: own }, asked: Vec::new(), is_full: false };
        let (file, gathered) = ((&raw mut fake).cast::<sqlite3_file>(), Arc::new(Mutex::new(writing())));
        let write = || {
            let header = header(false);
            // SAFETY: the file is open, and has the methods it was given.
            unsafe { ((*(*file).pMethods).xWrite.unwrap())(file, header.as_ptr().cast(), FRAME_HEADER as c_int, BEGIN) }
        };
        // SAFETY: as above; each of these is one borrow after the other.
        unsafe {
            assert!(Methods::cover(file, gathered.clone()));
            assert_eq!((write(), (*file.cast::<Fake>()).asked.len()), (SQLITE_OK, 0));
            assert_eq!(ask(&*(*file).pMethods, file), SQLITE_OK);
            assert_eq!((*file.cast::<Fake>()).asked, ["written", name]);
            // It isn't asked when what was gathered can't be written.
            (*file.cast::<Fake>()).is_full = true;
            assert_eq!((write(), ask(&*(*file).pMethods, file)), (SQLITE_OK, SQLITE_FULL));
            assert_eq!((*file.cast::<Fake>()).asked, ["written", name, "written"]);
            assert_eq!(((*(*file).pMethods).xClose.unwrap())(file), SQLITE_OK);
        }
        assert_eq!(fake.asked.last(), Some(&"closed"));
        assert!(std::ptr::eq(fake.file.pMethods, own), "it has its own methods again");
        assert_eq!(Arc::strong_count(&gathered), 1, "nothing is left of ours");
    }
}

#[test]
fn a_connection_without_a_log_is_refused() {
    assert!(Log::take_over(&Connection::open_in_memory().unwrap()).is_err());
}

thread_local! {
    /// How many writes of this thread succeed before one fails that was half done; none fails if it is nothing.
    static GOOD: Cell<Option<u32>> = const { Cell::new(None) };
    static REAL: Cell<*const sqlite3_io_methods> = const { Cell::new(null()) };
}

/// As on a disk that is full half-way through a write.
unsafe extern "C" fn failing(file: *mut sqlite3_file, from: *const c_void, amount: c_int, at: sqlite3_int64) -> c_int {
    let fails = GOOD.get() == Some(0);
    GOOD.set(GOOD.get().map(|good| good.saturating_sub(1)));
    let amount = if fails { amount / 2 } else { amount };
    // SAFETY: these are the methods that the file had, and no more than it is told to write.
    let written = unsafe { ((*REAL.get()).xWrite.unwrap())(file, from, amount, at) };
    if fails { SQLITE_FULL } else { written }
}

/// Has the log of a connection fail as [`GOOD`] says.
fn may_fail(conn: &Connection) {
    let mut file: *mut sqlite3_file = null_mut();
    // SAFETY: as in `take_over`; the methods stay for as long as the program runs.
    unsafe {
        let place = (&raw mut file).cast();
        sqlite3_file_control(conn.handle(), c"main".as_ptr(), SQLITE_FCNTL_JOURNAL_POINTER, place);
        REAL.set((*file).pMethods);
        (*file).pMethods = Box::leak(Box::new(sqlite3_io_methods { xWrite: Some(failing), ..*REAL.get() }));
    }
}

fn connect(folder: &tempfile::TempDir) -> Connection {
    let conn = Connection::open(folder.path().join("test.db")).unwrap();
    conn.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = 10; select * from sqlite_schema;",
    )
    .unwrap();
    conn
}

/// With a cache that is too small for a transaction, so that the log has pages of it before it commits and while the index of
/// a search is written, on a disk that is full now and then, and with the writes of another connection in between.
#[test]
fn everybody_reads_what_was_committed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (conn, other) = (connect(&folder), connect(&folder));
    conn.execute_batch(
        "create table texts (id integer primary key, text text, unique (text)) strict;
         create virtual table words using fts5 (text);",
    )
    .unwrap();
    may_fail(&conn);
    let log = Log::take_over(&conn).unwrap();
    let add = |conn: &Connection, rows: i64| {
        let texts = "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
                     insert into texts (text) select hex(randomblob(200)) from n";
        conn.execute(texts, [rows])?;
        conn.execute("update texts set text = lower(text) where id % 3 = 0", [])?;
        conn.execute("insert into words select text || ' ' || id from texts where id % 5 = 0", [])
    };
    // A connection that has an index of a search open may find faults in what others have written there since.
    let seen = |conn: &Connection| {
        let rows = conn.query_row("select count(*) from texts", [], |row| row.get::<_, i64>(0)).unwrap();
        (rows, connect(&folder).query_row("pragma integrity_check", [], |row| row.get::<_, String>(0)).unwrap())
    };
    let (mut rows, mut failed) = (0, 0);
    for round in 0_u32..60 {
        let added = i64::from(round * 7 % 80) + 1;
        conn.execute_batch("begin immediate").unwrap();
        let ran = add(&conn, added);
        GOOD.set((round % 4 == 3).then_some(round / 4 % 3));
        let ended = match ran {
            Ok(_) if round % 5 == 1 => conn.execute_batch("rollback").map(|()| 0),
            Ok(_) => log.in_one_write(|| conn.execute_batch("commit")).map(|()| added),
            Err(error) => Err(error),
        };
        GOOD.set(None);
        failed += u32::from(ended.is_err());
        rows += ended.unwrap_or(0);
        if !conn.is_autocommit() {
            conn.execute_batch("rollback").unwrap();
        }
        assert_eq!(seen(&other), (rows, "ok".into()), "round {round}");
        if round % 3 == 1 {
            add(&other, 2).unwrap();
            rows += 2;
        }
        if round % 20 == 6 {
            conn.execute_batch("pragma wal_checkpoint(truncate)").unwrap();
        }
        assert_eq!(seen(&conn), (rows, "ok".into()), "round {round}");
    }
    assert!(failed > 5, "{failed} commits failed");
    assert!(lock(&log.0).bytes.capacity() > 0, "nothing was gathered");
    conn.close().unwrap();
    drop(other);
    let found = connect(&folder);
    assert_eq!(seen(&found), (rows, "ok".into()));
    found.execute("insert into words (words, rank) values ('integrity-check', 1)", []).unwrap();
}
