//! What was asked and is not answered yet: bounded in number and in time, and honoured once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// How long a question may be answered.
const LIFETIME: Duration = Duration::from_secs(300);
/// Questions of all people together: a few megabytes. The oldest gives way.
const MOST: usize = 10_000;

pub struct Pending<T>(Mutex<VecDeque<Question<T>>>);

struct Question<T> {
    key: String,
    /// Who asked for it.
    by: String,
    until: Timestamp,
    state: T,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pending<T> {
    /// Keeps a question in the place of the one with the same key. Whoever has `most` already loses their oldest, not
    /// somebody else's.
    pub fn put(&self, key: &str, by: &str, most: usize, state: T, now: Timestamp) {
        let mut all = self.all();
        all.retain(|question| question.until > now && question.key != key);
        let oldest = all.iter().position(|question| question.by == by);
        let theirs = all.iter().filter(|question| question.by == by).count();
        let surplus = if theirs >= most { oldest } else { (all.len() >= MOST).then_some(0) };
        if let Some(surplus) = surplus {
            all.remove(surplus);
        }
        all.push_back(Question { key: key.to_owned(), by: by.to_owned(), until: now.after(LIFETIME), state });
    }

    /// The question with that key, for the one time it is answered; none if it is too late.
    pub fn take(&self, key: &str, now: Timestamp) -> Option<T> {
        let mut all = self.all();
        let place = all.iter().position(|question| question.key == key)?;
        all.remove(place).filter(|question| question.until > now).map(|question| question.state)
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Question<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(0);

    #[test]
    fn a_question_is_answered_once_and_in_time() {
        let pending = Pending::default();
        pending.put("a", "x", 9, 1, NOW);
        assert_eq!(pending.take("a", NOW), Some(1));
        assert_eq!(pending.take("a", NOW), None);
        pending.put("a", "x", 9, 2, NOW);
        pending.put("a", "x", 9, 3, NOW);
        assert_eq!(pending.take("a", NOW.after(LIFETIME)), None, "too late");
        pending.put("a", "x", 9, 4, NOW);
        pending.put("a", "x", 9, 5, NOW);
        assert_eq!(pending.take("a", NOW), Some(5), "the latest counts");
    }

    #[test]
    fn whoever_asks_too_much_loses_their_own() {
        let pending = Pending::default();
        pending.put("mine", "me", 2, 0, NOW);
        for n in 0..9 {
            pending.put(&n.to_string(), "them", 2, n, NOW);
        }
        let left: Vec<_> = (0..9).filter_map(|n| pending.take(&n.to_string(), NOW)).collect();
        assert_eq!(left, [7, 8]);
        assert_eq!(pending.take("mine", NOW), Some(0));
        for n in 0..=MOST {
            pending.put(&n.to_string(), &n.to_string(), 2, n, NOW);
        }
        assert_eq!((pending.take("0", NOW), pending.take("1", NOW)), (None, Some(1)), "there is an end to all of it");
    }
}
