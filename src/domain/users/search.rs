//! What a search asks its index: too much rather than too little, since whoever it finds is compared with the text itself.
//! And when the index takes up who is new.

use crate::db::{TAKE_UP, Value, Write, params};
use crate::domain::fields::{email_key, fold};
use crate::error::Result;

/// So many who are new are taken up into the index together.
const TOGETHER: i64 = 256;

/// After somebody new: takes up all who wait for the index, if it is their turn. A trigger would do so as well, but with one
/// SQLite prepares each new row for being put back.
pub(super) fn take_up(w: &Write, id: i64) -> Result<()> {
    if id % TOGETHER != 0 {
        return Ok(());
    }
    w.run(TAKE_UP, [])?;
    w.run("update search_progress set indexed_to = ?1", params![id]).map(drop)
}

/// Pages of the index that are merged at once.
const PAGES: i64 = 16;

/// Merges parts of the index, each of which every search has to look into: those who are taken up together make a new one.
/// Whether there may be more to merge.
pub fn merge(w: &Write) -> Result<bool> {
    let changes = || w.value::<i64>("select total_changes()", []);
    let before = changes()?;
    w.run("insert into user_search (user_search, rank) values ('merge', ?1)", params![PAGES])?;
    // The statement itself is one.
    Ok(changes()? > before + 1)
}

/// A query for all whose e-mail or name may have a text in it, and its values.
pub(super) fn of(account: &str, query: &str) -> (String, Vec<Value>) {
    let (email, name) = (email_key(query), fold(query));
    let (indexed, first, second) = match (threes(&email), threes(&name)) {
        (Some(in_email), Some(in_name)) => {
            let all = if in_email == in_name { in_email } else { format!("({in_email}) OR ({in_name})") };
            ("select rowid from user_search where user_search match ?4", all, None)
        }
        // The index has all that begins with one or two letters: every text ends in two more than it has.
        _ => (
            "select doc from user_search_terms where term >= ?2 and term < ?4 union all
             select doc from user_search_terms where term >= ?3 and term < ?5 and ?3 <> ?2",
            after(&email),
            Some(after(&name)),
        ),
    };
    // Who is new waits for the index, and is looked at, as is whom it knows by what an account doesn't know them by; see
    // `search_progress` and `search_apart` in the schema.
    let sql = format!(
        "{indexed} union all
         select id from users where id > (select indexed_to from search_progress where id = 1)
                                and (instr(email_key, ?2) or instr(name_key, ?3)) union all
         select user_id from search_apart where account_id = ?1"
    );
    let values = [account.to_owned(), email, name, first].into_iter().chain(second);
    (sql, values.map(Value::Text).collect())
}

/// What comes after all texts that begin with this one.
fn after(text: &str) -> String {
    format!("{text}{}", char::MAX)
}

/// Most that are asked for of a text's threes: a few of them are rarely together by chance.
const THREES: usize = 4;

/// Three letters each from all over a text, as FTS5 quotes them. `None` if it has fewer.
fn threes(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let all: Vec<&[char]> = letters.windows(3).collect();
    // Who share a name are told apart by a number.
    let numbered: Vec<_> = all.iter().copied().filter(|three| three.iter().any(char::is_ascii_digit)).collect();
    let mut asked: Vec<_> = spread(&all).chain(spread(&numbered)).collect();
    asked.sort_unstable();
    asked.dedup();
    // At a NUL the query would end in the middle of its quotes; nobody's name holds one.
    let quoted =
        |three: &&[char]| format!("\"{}\"", three.iter().collect::<String>().replace('"', "\"\"").replace('\0', " "));
    let asked: Vec<_> = asked.iter().map(quoted).collect();
    (!asked.is_empty()).then(|| asked.join(" AND "))
}

/// [`THREES`] from the first to the last.
fn spread<'t>(threes: &[&'t [char]]) -> impl Iterator<Item = &'t [char]> {
    let most = threes.len().min(THREES);
    (0..most).filter_map(move |n| threes.get(n * (threes.len() - 1) / (most - 1).max(1)).copied())
}
