//! What a search asks its index: too much rather than too little, since whoever it finds is compared with the text itself.
//! And when the index takes up who is new.

use std::collections::HashSet;

use super::few::{Few, Front};
use super::filter::Key;
use crate::db::{Read, TAKE_UP, Write, params, search as index};
use crate::domain::fields::{email_key, fold};
use crate::error::Result;

/// So many who are new are taken up into the index together.
const TOGETHER: i64 = 256;
/// After so many of them a little of it is merged.
const MERGED: i64 = TOGETHER / 8;
/// Pages of the index that are merged at once, a kilobyte each, so that nobody waits for long.
const PAGES: i64 = 56;
/// Parts of it, alike in size, that are merged: beside writes, and when there is time for more, as the schema says.
const BESIDE_WRITES: i64 = 8;
const IN_TIME: i64 = 2;
/// All parts are merged into one when there is time, if the others together have at least this part of the pages of the largest.
const SCATTERED: i64 = 16;

/// After somebody new: takes up all who wait for the index, or merges a little of it, if it is their turn. A trigger could do
/// so as well, but with one SQLite keeps a journal of every row that is inserted.
pub(super) fn take_up(w: &Write, id: i64) -> Result<()> {
    if id % TOGETHER == 0 {
        w.run(TAKE_UP, [])?;
        w.run("update search_progress set indexed_to = ?1", params![id])?;
    } else if id % MERGED == 0 {
        let from = |parts: i64| w.run("insert into user_search (user_search, rank) values ('usermerge', ?1)", [parts]);
        from(BESIDE_WRITES)?;
        merge_some(w, PAGES)?;
        from(IN_TIME)?;
    }
    Ok(())
}

/// When there is time: merges parts of the index that are alike in size, each of which every search has to look into, and then, if
/// much is outside of the largest, all of them into one. Whether there may be more to merge.
pub fn merge(w: &Write) -> Result<bool> {
    if merge_some(w, PAGES)? {
        return Ok(true);
    }
    let scattered = "select coalesce((sum(pages) - max(pages)) * ?1 > max(pages), 0)
                       from (select count(*) as pages from user_search_idx group by segid)";
    // A negative number begins a merge of all parts, with which the next calls go on.
    Ok(w.value(scattered, [SCATTERED])? && merge_some(w, -PAGES)?)
}

/// Merges so many pages; whether anything was changed. Those who are taken up together make a new part.
fn merge_some(w: &Write, pages: i64) -> Result<bool> {
    let changes = || w.value::<i64>("select total_changes()", []);
    let before = changes()?;
    w.run("insert into user_search (user_search, rank) values ('merge', ?1)", [pages])?;
    // The statement itself is one.
    Ok(changes()? > before + 1)
}

/// A search for all whose e-mail or name may have a text in it.
pub(super) struct Search {
    /// What the index is asked, that which leads to fewer first.
    asked: Vec<Asked>,
    /// The account, and what is looked for in an e-mail and in a name.
    values: [String; 3],
    along: Option<Along>,
}

/// The order of e-mails, for a list that is in it.
pub(super) struct Along {
    /// Whether the list goes on to later ones.
    pub ascending: bool,
    /// The e-mail at which it begins, or goes on.
    pub begin: Option<String>,
}

enum Asked {
    /// What FTS5 is to match.
    Match(String),
    /// What a term begins with: in an e-mail or in a name.
    Beginning([String; 2]),
}

/// Whom an account knows by something else than the index does, and who waits for it and matches: `search_apart` and
/// `search_progress` in the schema.
const ASIDE: &str = "
    select search_place(m.email_key, m.user_id) from memberships m
     where m.account_id = ?1 and m.user_id > (select indexed_to from search_progress where id = 1)
       and (instr(m.email_key, ?2) or instr(m.name_key, ?3))
     union all
    select search_place(m.email_key, m.user_id)
      from search_apart a cross join memberships m on m.user_id = a.user_id and m.account_id = a.account_id
     where a.account_id = ?1";

/// So many of those are always looked at; who waits are fewer.
const MOST_ASIDE: usize = 1_000;

/// So many of whom it has found are looked up first, which is a page, and some who may not be meant; then so many more each time.
const PART: usize = 50;

impl Search {
    pub fn new(account: &str, query: &str, along: Option<Along>) -> Self {
        let (email, name) = (email_key(query), fold(query));
        let forms = [email.as_str(), name.as_str()];
        let beginning = || Asked::Beginning(forms.map(|form| index::letters(form).take(3).collect()));
        let threes = either(forms, threes).map_or_else(beginning, Asked::Match);
        let asked = either(forms, numbers).map(Asked::Match).into_iter().chain([threes]).collect();
        Self { asked, values: [account.to_owned(), email, name], along }
    }

    /// Those whom it finds or, if they are more than `most`, so many of them: of a list by e-mail, the first. `begun` are the
    /// places it has found already.
    pub fn find(&self, r: &Read, most: usize, begun: &[i64]) -> Result<Few<'_>> {
        let mut places = Vec::new();
        for (n, asked) in self.asked.iter().enumerate() {
            let is_last = n + 1 == self.asked.len();
            places = self.ask(r, asked, most, if is_last { begun } else { &[] })?;
            if places.len() <= most {
                break;
            }
        }
        if places.len() <= most
            && let Some(places) = self.with_aside(r, &places, most.max(MOST_ASIDE))?
        {
            return Ok(Few::all(ids(places.into_iter())));
        }
        Ok(Few::begun(ids(places.iter().copied()), self, places))
    }

    /// Places of the index, with those of who is aside instead of what it says of them; nothing if those are too many.
    fn with_aside(&self, r: &Read, places: &[i64], most: usize) -> Result<Option<Vec<i64>>> {
        let (least, greatest) = self.bounds();
        let mut all = r.all(&format!("{ASIDE} limit {}", most + 1), self.values.each_ref(), |row| row.get(0))?;
        if all.len() > most {
            return Ok(None);
        }
        let aside: HashSet<i64> = all.iter().copied().map(index::id).collect();
        all.retain(|place| (least..=greatest).contains(place));
        all.extend(places.iter().filter(|place| !aside.contains(&index::id(**place))));
        Ok(Some(all))
    }

    /// Between which places it looks.
    fn bounds(&self) -> (i64, i64) {
        let code = |along: &Along| along.begin.as_deref().map(index::code);
        match self.along.as_ref().and_then(|along| Some((along.ascending, code(along)?))) {
            None => (0, i64::MAX),
            Some((true, code)) => (index::first_place(code), i64::MAX),
            Some((false, code)) => (0, index::last_place(code)),
        }
    }

    fn ask(&self, r: &Read, asked: &Asked, most: usize, begun: &[i64]) -> Result<Vec<i64>> {
        match asked {
            Asked::Match(expression) => {
                let (mut least, mut greatest) = self.bounds();
                let ascending = self.along.as_ref().is_none_or(|along| along.ascending);
                match begun.last() {
                    Some(last) if ascending => least = last + 1,
                    Some(last) => greatest = last - 1,
                    None => {}
                }
                let sql = format!(
                    "select rowid from user_search where user_search match ?1 and rowid between ?2 and ?3
                      order by rowid {} limit ?4",
                    if ascending { "asc" } else { "desc" }
                );
                let left = (most + 1).saturating_sub(begun.len());
                let found = r.all(&sql, params![expression, least, greatest, left as i64], |row| row.get(0))?;
                Ok([begun, &found].concat())
            }
            Asked::Beginning([email, name]) => {
                let sql = format!(
                    "select doc from user_search_terms where term >= ?1 and term < ?2 union all
                     select doc from user_search_terms where term >= ?3 and term < ?4 and ?3 <> ?1 limit {}",
                    most + 1
                );
                r.all(&sql, params![email, after(email), name, after(name)], |row| row.get(0))
            }
        }
    }

    /// The order in which the index finds places, if it is that of the list.
    fn in_order(&self) -> Option<&Along> {
        self.along.as_ref().filter(|_| matches!(self.asked.last(), Some(Asked::Match(_))))
    }

    /// Of a list by e-mail: the code of a place.
    pub fn code(&self, place: i64) -> Option<i64> {
        self.in_order().map(|_| index::code_of(place))
    }

    /// Of a list by e-mail, where the index has found these places and there are more: who comes first.
    pub fn front(&self, r: &Read, found: &[i64]) -> Result<Option<Front>> {
        let (Some(Along { ascending, begin }), Some(reached)) = (self.in_order(), found.last()) else {
            return Ok(None);
        };
        let Some(mut places) = self.with_aside(r, found, MOST_ASIDE)? else { return Ok(None) };
        let letters = index::beginning(index::code_of(*reached));
        let (email, id) = if *ascending { (letters, 0) } else { (after(&letters), i64::MAX) };
        // A code tells more than the letters it begins with, so others with another code may come from there on, too.
        let begins = index::code(&email);
        places.retain(|place| {
            let code = index::code_of(*place);
            if *ascending { code < begins } else { code > begins }
        });
        places.sort_unstable();
        if !ascending {
            places.reverse();
        }
        let is_further = begin.as_ref().is_none_or(|begin| if *ascending { *begin < email } else { email < *begin });
        let ids = parts(&places).into_iter().map(|part| ids(part.into_iter())).collect();
        Ok(Some(Front { ids, from: is_further.then_some((Key::Text(email), id)) }))
    }
}

/// Places in their order, in parts from about [`PART`] on: e-mails that begin alike, of whom it is not known who comes first, are
/// in one.
fn parts(places: &[i64]) -> Vec<Vec<i64>> {
    let mut parts: Vec<Vec<i64>> = Vec::new();
    for alike in places.chunk_by(|one, other| index::code_of(*one) == index::code_of(*other)) {
        let most = PART * parts.len();
        match parts.last_mut() {
            Some(part) if part.len() < most => part.extend(alike),
            _ => parts.push(alike.to_vec()),
        }
    }
    parts
}

/// Whose places they are. The index may find somebody twice.
fn ids(places: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = places.map(index::id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What comes after all e-mails, and all terms, that begin with a text: a name may have the last character there is in it.
fn after(text: &str) -> String {
    format!("{text}{0}{0}{0}", char::MAX)
}

/// What finds a text in an e-mail, or one in a name. `None` if one of them is found by nothing of the kind.
fn either(forms: [&str; 2], expression: fn(&str) -> Option<String>) -> Option<String> {
    let [email, name] = forms.map(expression);
    let (in_email, in_name) = (email?, name?);
    Some(if in_email == in_name { in_email } else { format!("({in_email}) OR ({in_name})") })
}

/// Most terms of a text that are asked for: a few of them are rarely together by chance.
const TERMS: usize = 4;

/// Three letters each from all over a text, or whichever may follow its two. `None` if it has none, or one that is no term.
/// Of the domain of an e-mail no more than the first letter is asked for: everybody may have it.
fn threes(text: &str) -> Option<String> {
    let domain = text.chars().position(|c| c == '@').filter(|at| *at > 0).map_or(usize::MAX, |at| at + 2);
    let letters: Vec<char> = index::letters(text).take(domain).collect();
    match letters[..] {
        [] => return None,
        [letter] => return (!text.is_ascii()).then(|| quoted([letter, '_', '_'])),
        [first, second] => {
            let threes: Vec<_> = index::usual().map(|third| quoted([first, second, third])).collect();
            return Some(threes.join(" OR "));
        }
        _ => {}
    }
    let all: Vec<&[char]> = letters.windows(3).collect();
    let most = all.len().min(TERMS);
    let spread = (0..most).filter_map(|n| all.get(n * (all.len() - 1) / (most - 1).max(1)));
    all_of(spread.map(|three| quoted(three.iter().copied())).collect())
}

/// The words with a digit that begin and end within a text.
fn numbers(text: &str) -> Option<String> {
    // The first and the last may go on beyond it.
    let within = text.trim_start_matches(index::is_in_a_word).trim_end_matches(index::is_in_a_word);
    all_of(index::numbered(within).take(TERMS).map(|word| quoted(format!("_{word}_").chars())).collect())
}

fn all_of(mut terms: Vec<String>) -> Option<String> {
    terms.sort_unstable();
    terms.dedup();
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

/// A term as FTS5 quotes it; there is no quotation mark in one.
fn quoted(term: impl IntoIterator<Item = char>) -> String {
    format!("\"{}\"", String::from_iter(term))
}

#[cfg(test)]
mod tests {
    use super::threes;

    #[test]
    fn a_domain_is_asked_for_only_if_it_is_all_there_is() {
        assert_eq!(threes("ada@example.com").as_deref(), Some("\"ada\" AND \"a＠e\" AND \"da＠\""));
        assert_eq!(threes("a@example.com").as_deref(), Some("\"a＠e\""));
        assert_eq!(threes("@exa").as_deref(), Some("\"exa\" AND \"＠ex\""));
    }
}
