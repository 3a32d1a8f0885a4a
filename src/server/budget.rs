//! How many bytes of bodies may be in memory, from all clients together: each is small, and there can be many at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A network may hold one part in so many.
const SHARES: usize = 8;

pub struct Budget {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// What one request holds, given back when it is dropped.
pub struct Share {
    budget: Arc<Budget>,
    network: Option<IpAddr>,
    bytes: Mutex<usize>,
}

impl Budget {
    /// Of so many bytes.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// What a new request of a network holds: nothing yet. Without a network it is not held to a part of the whole.
    pub fn share(self: &Arc<Self>, network: Option<IpAddr>) -> Arc<Share> {
        Arc::new(Share { budget: self.clone(), network, bytes: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes some more bytes; whether there was room for them.
    pub fn take(&self, bytes: usize) -> bool {
        let mut held = self.budget.held();
        let of_network = self.network.and_then(|network| held.by_network.get(&network)).copied().unwrap_or_default();
        let is_beyond = |held: usize, most: usize| held.saturating_add(bytes) > most;
        if is_beyond(held.bytes, self.budget.most)
            || self.network.is_some() && is_beyond(of_network, self.budget.most / SHARES)
        {
            return false;
        }
        held.bytes += bytes;
        if let Some(network) = self.network {
            held.by_network.insert(network, of_network + bytes);
        }
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
        if bytes == 0 {
            return;
        }
        let mut held = self.budget.held();
        held.bytes -= bytes;
        let Some(network) = self.network else { return };
        if let Some(of_network) = held.by_network.get_mut(&network) {
            *of_network -= bytes;
            if *of_network == 0 {
                held.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_part_and_all_of_them_the_whole() {
        let network = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        let budget = Budget::new(800);
        let first = budget.share(network(1));
        assert!(first.take(60) && !first.take(41) && first.take(40));
        assert!(!budget.share(network(1)).take(1), "another request of the same network");
        let proxy = budget.share(None);
        assert!(proxy.take(650), "who is not counted");
        let second = budget.share(network(2));
        assert!(!second.take(51) && second.take(50), "there are no more than 800");
        assert!(!proxy.take(1));
        drop(first);
        assert!(second.take(50) && !second.take(1));
        drop((proxy, second));
        let held = budget.held();
        assert!(held.bytes == 0 && held.by_network.is_empty(), "all of it was given back");
    }
}
