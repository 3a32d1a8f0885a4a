use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

struct Test {
    writer: Writer,
    folder: tempfile::TempDir,
    answers: Sender<(&'static str, Result<()>)>,
    answered: Receiver<(&'static str, Result<()>)>,
}

impl Test {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("pragma journal_mode = wal; create table names (name text) strict;").unwrap();
        let (answers, answered) = channel();
        Self { writer: Writer::start(conn, &path, Database::new().unwrap()).unwrap(), folder, answers, answered }
    }

    fn send(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<()> + Clone + Send + 'static,
    ) -> Ticket {
        let answers = self.answers.clone();
        let insert = move |conn: &Connection, _: &Known| {
            conn.execute("insert into names values (?1)", [name])?;
            work(conn)
        };
        self.writer.send(insert, move |result| answers.send((name, result)).unwrap()).unwrap()
    }

    /// Keeps the writer busy, so that what follows waits for one batch.
    fn hold(&self) -> (Ticket, Sender<()>) {
        let (let_go, held) = channel();
        let (begin, begun) = channel();
        let held = Arc::new(Mutex::new(held));
        let ticket = self.send("held", move |_| {
            begin.send(()).unwrap();
            held.lock().unwrap().recv().map_err(Error::internal)
        });
        begun.recv().unwrap();
        (ticket, let_go)
    }

    /// Bytes of the database, and of its log.
    fn sizes(&self) -> (u64, u64) {
        let size = |name| self.folder.path().join(name).metadata().map_or(0, |file| file.len());
        (size("test.db"), size("test.db-wal"))
    }

    /// Stops the writer; what is in the table then.
    fn names(&self) -> Vec<String> {
        self.writer.stop();
        let conn = Connection::open(self.folder.path().join("test.db")).unwrap();
        let mut names = conn.prepare("select name from names order by name").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

#[test]
fn a_rule_that_panics_or_errs_loses_its_own_write_only() {
    let test = Test::new();
    let (_held, let_go) = test.hold();
    let _waiting = [
        test.send("first", |_| Ok(())),
        test.send("panics", |_| panic!("as asked")),
        test.send("errs", |_| Err(Error::not_found("as asked"))),
        test.send("last", |_| Ok(())),
    ];
    let_go.send(()).unwrap();
    assert_eq!(test.names(), ["first", "held", "last"]);
    let answers: Vec<_> = test.answered.try_iter().map(|(name, result)| (name, result.err())).collect();
    let codes: Vec<_> = answers.iter().map(|(name, error)| (*name, error.as_ref().map_or("", Error::code))).collect();
    let expected = [("held", ""), ("first", ""), ("panics", "internal_error"), ("errs", "not_found"), ("last", "")];
    assert_eq!(codes, expected);
}

#[test]
fn a_write_that_is_alone_and_fails_leaves_nothing() {
    let test = Test::new();
    let told = |ticket: Ticket| {
        let (_, result) = test.answered.recv().unwrap();
        drop(ticket);
        result.err().map(|error| error.code())
    };
    assert_eq!(told(test.send("errs", |_| Err(Error::not_found("as asked")))), Some("not_found"));
    assert_eq!(told(test.send("panics", |_| panic!("as asked"))), Some("internal_error"));
    assert_eq!(told(test.send("last", |_| Ok(()))), None);
    assert_eq!(test.names(), ["last"]);
}

/// However long somebody goes on writing; how soon, hangs on when the other thread is given a processor.
#[test]
fn the_log_begins_anew_and_what_was_in_it_is_in_the_database() {
    const BYTES: u64 = 128 * 1024;
    let test = Test::new();
    let text = "x".repeat(BYTES as usize);
    let mut texts = 0;
    let (database, log) = loop {
        let text = text.clone();
        let write = move |conn: &Connection| {
            conn.execute("insert into names values (?1)", [text])?;
            Ok(())
        };
        let ticket = test.send("long", write);
        test.answered.recv().unwrap().1.unwrap();
        drop(ticket);
        texts += 1;
        let sizes = test.sizes();
        if texts * BYTES > 2 * sizes.1 && texts >= 700 {
            break sizes;
        }
        assert!(texts < 4_000, "{} bytes of log after {} were written", sizes.1, texts * BYTES);
    };
    assert!(database > log, "{database} bytes are in the database, {log} in the log");
    assert_eq!(test.names().len() as u64, 2 * texts);
}

#[tokio::test]
async fn who_waits_too_long_or_goes_away_takes_back_what_has_not_begun() {
    let test = Test::new();
    let (held, let_go) = test.hold();
    let patience = Duration::from_millis(20);
    let gone = test.send("gone", |_| Ok(()));
    let (_answer, answered) = oneshot::channel::<Result<()>>();
    let refused = wait(test.send("late", |_| Ok(())), answered, patience).await.unwrap_err();
    assert_eq!((refused.code(), refused.retry_after()), ("overloaded", Some(1)));
    drop(gone);
    let kept = test.send("kept", |_| Ok(()));
    // What has begun is waited for, however long it takes.
    let (answer, answered) = oneshot::channel();
    let begun = tokio::spawn(wait(held, answered, patience));
    tokio::time::sleep(2 * patience).await;
    assert!(!begun.is_finished());
    answer.send(Ok(7)).unwrap();
    assert_eq!(begun.await.unwrap().unwrap(), 7);
    let_go.send(()).unwrap();
    assert_eq!(test.names(), ["held", "kept"]);
    drop(kept);
}

#[test]
fn when_storage_fails_all_who_wait_are_told_at_once() {
    let test = Test::new();
    let (_held, let_go) = test.hold();
    let _waiting = [test.send("first", |_| Ok(())), test.send("last", |_| Ok(()))];
    std::fs::remove_file(test.folder.path().join("test.db")).unwrap();
    let_go.send(()).unwrap();
    let codes: Vec<_> = test.answered.iter().take(3).map(|(_, result)| result.unwrap_err().code()).collect();
    assert_eq!(codes, ["storage_unavailable"; 3]);
    test.writer.stop();
}
