//! What one closure of a transaction found out about who asks, for the next: it is as true as long as nothing was changed that
//! it may hang on.

use std::cell::RefCell;

use super::{Read, Write};
use crate::domain::fields::AccountId;
use crate::domain::tokens::{Claims, Identified};

/// Somebody who was looked up, and how many rows the connection had changed by then. A transaction begins with nobody.
#[derive(Default)]
pub struct Known(RefCell<Option<Fact>>);

struct Fact {
    changes: u64,
    /// What was asked: by which token, and in which account.
    asked: (Claims, Option<AccountId>),
    found: Identified,
}

impl Known {
    /// Somebody else may have changed anything.
    pub fn forget(&self) {
        self.0.take();
    }
}

impl Read<'_> {
    /// What a closure before found, if it asked the same and nothing was changed since that it may hang on.
    pub fn known(&self, claims: &Claims, account: Option<&AccountId>) -> Option<Identified> {
        let known = self.known?.0.borrow();
        let fact = known.as_ref().filter(|fact| fact.changes == self.conn.total_changes())?;
        let is_asked = fact.asked.0 == *claims && fact.asked.1.as_ref() == account;
        is_asked.then(|| fact.found.clone())
    }

    /// Notes what was found, for the closures that follow.
    pub fn note(&self, claims: &Claims, account: Option<&AccountId>, found: &Identified) {
        if let Some(known) = self.known {
            let (asked, changes) = ((claims.clone(), account.cloned()), self.conn.total_changes());
            known.0.replace(Some(Fact { changes, asked, found: found.clone() }));
        }
    }
}

impl Write<'_> {
    /// Makes a change on which hangs nothing about anybody who is known: neither whether their token is honoured, nor what they
    /// may do.
    pub fn aside<T>(&self, change: impl FnOnce() -> T) -> T {
        let before = self.conn.total_changes();
        let result = change();
        let mut known = self.known.map(|known| known.0.borrow_mut());
        if let Some(fact) = known.as_mut().and_then(|known| known.as_mut()).filter(|fact| fact.changes == before) {
            fact.changes = self.conn.total_changes();
        }
        result
    }
}
