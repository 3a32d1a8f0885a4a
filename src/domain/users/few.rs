//! Who a filter leaves, found by its own index and not along the order of a list.

use super::filter::Filter;
use crate::db::{Read, Value, params_from_iter};
use crate::domain::fields::{email_key, fold};
use crate::error::{Error, Result};

/// The users that one of the filters leaves, found by its own index, as a JSON array; `None` if each leaves more than
/// `few`.
pub(super) fn candidates(r: &Read, account: &str, filter: &Filter, few: usize) -> Result<Option<String>> {
    for (sql, values) in narrowing(r, account, filter, few)? {
        let sql = format!("{sql} limit {}", few + 1);
        let values = std::iter::once(Value::Text(account.to_owned())).chain(values);
        let ids: Vec<i64> = r.all(&sql, params_from_iter(values), |row| row.get(0))?;
        if ids.len() <= few {
            return Ok(Some(serde_json::to_string(&ids).map_err(Error::internal)?));
        }
    }
    Ok(None)
}

/// For each filter that has an index of its own: a query for who is left by it, and its values but for ?1, the account.
fn narrowing(r: &Read, account: &str, filter: &Filter, few: usize) -> Result<Vec<(String, Vec<Value>)>> {
    let mut narrow = Vec::new();
    let mut by = |sql: &str, values: Vec<Value>| narrow.push((sql.to_owned(), values));
    let member = |condition: &str| format!("select user_id from memberships where account_id = ?1 and {condition}");
    if let Some(words) = trigrams(&filter.query) {
        // Who is pending is known here by the e-mail that was invited, whatever theirs is now. They are read in vain, so
        // there must not be too many.
        let pending = format!("{} limit 1 offset {}", member("invited_email is not null"), 10 * few);
        if r.maybe(&pending, [account], |_| Ok(()))?.is_none() {
            // Who is new waits for the index, and is looked at; see `search_progress` in the schema.
            let sql = "select rowid from user_search where user_search match ?2
                       union select id from users where id > (select indexed_to from search_progress where id = 1)
                                                        and (instr(email_key, ?3) or instr(name_key, ?4))
                       union select user_id from memberships
                                  where account_id = ?1 and invited_email is not null and instr(email_key, ?3)";
            let query = filter.query.trim();
            by(sql, vec![Value::Text(words), Value::Text(email_key(query)), Value::Text(fold(query))]);
        }
    }
    if let Some(role) = &filter.role {
        by("select user_id from membership_roles where account_id = ?1 and role = ?2", vec![Value::Text(role.clone())]);
    }
    if let Some(team) = filter.team_id {
        by(&member("team_id = ?2"), vec![Value::Integer(team)]);
    }
    for (condition, asked) in [
        ("account_admin = 1", filter.account_admin == Some(true)),
        ("invited_email is not null", filter.pending == Some(true)),
        ("active = 0", filter.active == Some(false)),
    ] {
        if asked {
            by(&member(condition), Vec::new());
        }
    }
    for (column, since) in [("created_at", filter.created_since), ("updated_at", filter.updated_since)] {
        if let Some(since) = since.filter(|_| !filter.removed) {
            by(&member(&format!("{column} >= ?2 and removed_at is null")), vec![Value::Integer(since.0)]);
        }
    }
    Ok(narrow)
}

/// A query for `user_search`; `None` for fewer than three letters, which it can't find. It finds too many rather than too
/// few: whoever is found is compared with the text itself.
fn trigrams(query: &str) -> Option<String> {
    let (email, name) = (all_of(&email_key(query.trim()))?, all_of(&fold(query.trim()))?);
    Some(if email == name { email } else { format!("({email}) OR ({name})") })
}

/// Most that are asked for of a text's threes: a few of them are rarely together by chance.
const THREES: usize = 4;

/// Three letters each from all over a text, as FTS5 quotes them.
fn all_of(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().collect();
    let threes: Vec<_> = letters.windows(3).collect();
    let most = threes.len().min(THREES);
    let spread = (0..most).filter_map(|n| threes.get(n * (threes.len() - 1) / (most - 1).max(1)));
    // At a NUL the query would end in the middle of its quotes; nobody's name holds one.
    let quoted =
        |three: &&[char]| format!("\"{}\"", three.iter().collect::<String>().replace('"', "\"\"").replace('\0', " "));
    let all: Vec<_> = spread.map(quoted).collect();
    (!all.is_empty()).then(|| all.join(" AND "))
}
