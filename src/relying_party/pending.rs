//! What was asked and is not answered yet: bounded in number and in time, and honoured once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// How long a question may be answered.
const LIFETIME: Duration = Duration::from_secs(300);
/// Questions of all people together: a few megabytes. Then the oldest of whoever has most gives way.
const MOST: usize = 10_000;

pub struct Pending<T>(Mutex<All<T>>);

/// Questions are numbered as they come, so that the lowest number is the oldest.
struct All<T> {
    asked: u64,
    questions: BTreeMap<u64, Question<T>>,
    by_key: HashMap<String, u64>,
    /// The questions of everybody who has any.
    by_asker: HashMap<String, BTreeSet<u64>>,
}

struct Question<T> {
    key: String,
    /// Who asked for it.
    by: String,
    until: Timestamp,
    state: T,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        let (questions, by_key, by_asker) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        Self(Mutex::new(All { asked: 0, questions, by_key, by_asker }))
    }
}

impl<T> Pending<T> {
    /// Keeps a question in the place of the one with the same key. Whoever has `most` already loses their oldest, not
    /// somebody else's.
    pub fn put(&self, key: &str, by: &str, most: usize, state: T, now: Timestamp) {
        let mut all = self.all();
        all.forget_late(now);
        all.take(key);
        if let Some(surplus) = all.surplus(by, most) {
            all.remove(surplus);
        }
        all.add(Question { key: key.to_owned(), by: by.to_owned(), until: now.after(LIFETIME), state });
    }

    /// The question with that key, for the one time it is answered; none if it is too late.
    pub fn take(&self, key: &str, now: Timestamp) -> Option<T> {
        self.all().take(key).filter(|question| question.until > now).map(|question| question.state)
    }

    fn all(&self) -> MutexGuard<'_, All<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> All<T> {
    fn add(&mut self, question: Question<T>) {
        let number = self.asked;
        self.asked += 1;
        self.by_key.insert(question.key.clone(), number);
        self.by_asker.entry(question.by.clone()).or_default().insert(number);
        self.questions.insert(number, question);
    }

    /// All have the same time, so the oldest are late first.
    fn forget_late(&mut self, now: Timestamp) {
        while let Some((&number, _)) = self.questions.first_key_value().filter(|(_, oldest)| oldest.until <= now) {
            self.remove(number);
        }
    }

    /// What has to go before `by` may ask once more.
    fn surplus(&self, by: &str, most: usize) -> Option<u64> {
        if let Some(theirs) = self.by_asker.get(by).filter(|theirs| theirs.len() >= most) {
            return theirs.first().copied();
        }
        if self.questions.len() < MOST {
            return None;
        }
        self.by_asker.values().max_by_key(|theirs| (theirs.len(), Reverse(theirs.first())))?.first().copied()
    }

    fn take(&mut self, key: &str) -> Option<Question<T>> {
        let number = *self.by_key.get(key)?;
        self.remove(number)
    }

    fn remove(&mut self, number: u64) -> Option<Question<T>> {
        let question = self.questions.remove(&number)?;
        self.by_key.remove(&question.key);
        if let Some(theirs) = self.by_asker.get_mut(&question.by) {
            theirs.remove(&number);
            if theirs.is_empty() {
                self.by_asker.remove(&question.by);
            }
        }
        Some(question)
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

    #[test]
    fn a_crowd_that_fills_it_loses_its_own_and_not_the_oldest() {
        let pending = Pending::default();
        pending.put("mine", "me", MOST, 0, NOW);
        for n in 0..MOST + 9 {
            pending.put(&n.to_string(), "them", MOST, n, NOW);
        }
        pending.put("late", "somebody", MOST, 1, NOW);
        assert_eq!((pending.take("mine", NOW), pending.take("late", NOW)), (Some(0), Some(1)));
        assert_eq!((pending.take("10", NOW), pending.take("11", NOW)), (None, Some(11)));
        pending.put("after", "me", MOST, 2, NOW.after(LIFETIME));
        let all = pending.all();
        let left = (all.questions.len(), all.by_key.len(), all.by_asker.len());
        assert_eq!(left, (1, 1, 1), "what is late takes no room");
    }
}
