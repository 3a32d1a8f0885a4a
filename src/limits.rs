//! How often something may be done: so many times within so long, for each key. Time comes from the one clock, and the
//! memory has a bound, however many keys somebody makes up.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// Counts what is done for each `K`: an address, a token, a person.
///
/// A full quota may be used at once; it then fills again steadily (GCRA), so nobody waits for the end of a window.
pub struct Limiter<K: Hash + Eq + Clone> {
    governor: RateLimiter<K, Recent<K>, Steady, StateInformationMiddleware>,
    /// The same as governor's, which lends it to nobody.
    store: Recent<K>,
    quota: Quota,
    said: &'static str,
}

/// What everybody's requests are held to.
pub struct Limits {
    /// Requests from one network (see [`network`]).
    pub addresses: Limiter<IpAddr>,
    /// Requests with one token, by its id.
    pub tokens: Limiter<String>,
    /// Requests from one network whose token was not honoured. Only such are refused for it: a token that works goes on
    /// working behind an address that others share.
    pub strangers: Limiter<IpAddr>,
}

/// How many seconds' worth of requests may be made at once: opening a page full of pictures, or a script that catches up.
const BURST_SECONDS: u32 = 10;

impl Limits {
    /// `each_second` requests for every token and address; none if it is 0.
    ///
    /// The default of 1000 is far above what people and scripts need and below what the server can do, so that one of them
    /// gone wild slows the others down and doesn't shut them out.
    pub fn new(clock: &Clock, each_second: u32) -> Option<Self> {
        let known = NonZeroU32::new(each_second.saturating_mul(BURST_SECONDS))?;
        let strange = NonZeroU32::new(each_second).unwrap_or(NonZeroU32::MIN);
        let per = Duration::from_secs(BURST_SECONDS.into());
        Some(Self {
            addresses: Limiter::new(
                clock.clone(),
                known,
                per,
                "Too many requests from your address. Try again shortly.",
            ),
            tokens: Limiter::new(clock.clone(), known, per, TOO_MANY_WITH_TOKEN),
            strangers: Limiter::new(
                clock.clone(),
                strange,
                per,
                "Too many requests without a token that works. Try again shortly.",
            ),
        })
    }
}

/// Said to a program that asks too often.
pub const TOO_MANY_WITH_TOKEN: &str =
    "Too many requests with this token. Wait as long as Retry-After says, and ask less often.";

/// Whose address this is, as limits count: for IPv6 the first 64 bits, because whoever has one address has all with these.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

/// The same for an address as a request's trace has it; none if it is no address.
pub fn network_of(address: &str) -> Option<IpAddr> {
    address.parse().ok().map(network)
}

/// What is left after something was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Times it may be done when nothing was used up.
    pub quota: u32,
    /// Times it may be done again right now.
    pub left: u32,
    /// Seconds until nothing is used up any more.
    pub full_in: u64,
    /// Seconds in which a quota that is used up fills again.
    pub window: u64,
}

/// Most keys a limiter remembers. What is forgotten first was not asked about for the longest time.
const REMEMBERED: usize = 100_000;

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// `times` within `per`. `said` is the sentence for who came too often; it says what to do.
    pub fn new(clock: Clock, times: NonZeroU32, per: Duration, said: &'static str) -> Self {
        let each = (per / times.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(times)).allow_burst(times);
        let store = Recent::new(REMEMBERED);
        Self { governor: RateLimiter::new(quota, store.clone(), Steady::new(clock)), store, quota, said }
    }

    /// Counts one, if it is allowed. Being refused is not counted, so somebody who goes on trying does not stay locked
    /// out for it.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyRequests`] with the seconds after which one more is allowed.
    pub fn check(&self, key: &K) -> Result<Room> {
        match self.governor.check_key(key) {
            Ok(state) => Ok(self.room(state.remaining_burst_capacity())),
            Err(until) => {
                let wait = until.wait_time_from(governor::clock::Clock::now(self.governor.clock()));
                Err(Error::TooManyRequests(
                    u32::try_from(whole_seconds(wait)).unwrap_or(u32::MAX).max(1),
                    self.said.into(),
                ))
            }
        }
    }

    /// Takes back one that was counted: it turned out to be harmless, such as a sign-in with the right password.
    pub fn give_back(&self, key: &K) {
        let each = Nanos::from(self.quota.replenish_interval()).as_u64();
        self.store.change(key, |used_until| used_until.saturating_sub(each));
    }

    /// Forgets what was counted for a key.
    pub fn forget(&self, key: &K) {
        self.store.change(key, |_| 0);
    }

    /// What is left for somebody who was refused: nothing.
    pub fn used_up(&self) -> Room {
        self.room(0)
    }

    fn room(&self, left: u32) -> Room {
        let quota = self.quota.burst_size().get();
        let full_in = whole_seconds(self.quota.replenish_interval() * quota.saturating_sub(left));
        Room { quota, left, full_in, window: whole_seconds(self.quota.burst_size_replenished_in()) }
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The one clock as governor reads it: time since 1970, but never backwards. Set back by an hour, a clock would otherwise
/// refuse for an hour whoever had used up their quota.
struct Steady {
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What the clock said last, in milliseconds.
    last: i64,
    /// By how much it was set back so far.
    set_back: i64,
}

impl Steady {
    fn new(clock: Clock) -> Self {
        Self { clock, seen: Mutex::default() }
    }
}

impl governor::clock::Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let mut seen = locked(&self.seen);
        let now = self.clock.now().0;
        seen.set_back += (seen.last - now).max(0);
        seen.last = now;
        Duration::from_millis(u64::try_from(now.saturating_add(seen.set_back)).unwrap_or_default())
    }
}

/// Until when each key's quota is used up. Two generations of half the size each: a key that is asked about moves to the
/// younger one, and when that is full the older one is dropped. governor's own stores grow until somebody sweeps them.
#[derive(Clone)]
struct Recent<K> {
    generations: Arc<Mutex<Generations<K>>>,
    half: usize,
}

struct Generations<K> {
    young: HashMap<K, u64>,
    old: HashMap<K, u64>,
}

impl<K: Hash + Eq + Clone> Recent<K> {
    fn new(remembered: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { generations: Arc::new(Mutex::new(generations)), half: (remembered / 2).max(1) }
    }

    /// Changes what is known of a key; does nothing if nothing is.
    fn change(&self, key: &K, f: impl FnOnce(u64) -> u64) {
        let mut known = locked(&self.generations);
        let Generations { young, old } = &mut *known;
        if let Some(used_until) = young.get_mut(key).or_else(|| old.get_mut(key)) {
            *used_until = f(*used_until);
        }
    }
}

impl<K: Hash + Eq + Clone> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut known = locked(&self.generations);
        let used_until = known.young.get(key).copied().or_else(|| known.old.remove(key));
        let measured = f(used_until.map(Nanos::new));
        let next = measured.as_ref().map_or(used_until, |(_, next)| Some(next.as_u64()));
        if let Some(next) = next {
            if known.young.len() >= self.half && !known.young.contains_key(key) {
                known.old = std::mem::take(&mut known.young);
            }
            known.young.insert(key.clone(), next);
        }
        measured.map(|(allowed, _)| allowed)
    }
}

/// What is worth a line in the log once in a while, and not each time.
pub struct Seldom {
    every: Duration,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    last: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    pub const fn every(every: Duration) -> Self {
        Self { every, lines: Mutex::new(Lines { last: None, left_out: 0 }) }
    }

    /// How many lines were left out before this one; nothing if this one is to be left out, too.
    pub fn due(&self) -> Option<u64> {
        let mut lines = locked(&self.lines);
        if lines.last.is_some_and(|last| last.elapsed() < self.every) {
            lines.left_out += 1;
            return None;
        }
        lines.last = Some(Instant::now());
        Some(std::mem::take(&mut lines.left_out))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::clock::Timestamp;

    /// Three a minute, and the hands of the clock.
    fn limiter() -> (Limiter<u32>, Arc<AtomicI64>) {
        let hands = Arc::new(AtomicI64::new(1_795_420_800_000));
        let time = hands.clone();
        let clock = Clock::from_fn(move || Timestamp(time.load(Ordering::SeqCst)));
        (Limiter::new(clock, NonZeroU32::new(3).unwrap(), Duration::from_secs(60), "Too often."), hands)
    }

    fn refusal(limiter: &Limiter<u32>, key: u32) -> Option<u32> {
        limiter.check(&key).err().and_then(|error| error.retry_after())
    }

    #[test]
    fn a_quota_is_used_at_once_and_fills_steadily() {
        let (limiter, hands) = limiter();
        let room = |left, full_in| Room { quota: 3, left, full_in, window: 60 };
        assert_eq!(limiter.check(&1).unwrap(), room(2, 20));
        assert_eq!(limiter.check(&1).unwrap(), room(1, 40));
        assert_eq!(limiter.check(&1).unwrap(), room(0, 60));
        assert_eq!(refusal(&limiter, 1), Some(20));
        assert_eq!(refusal(&limiter, 2), None, "another key has a quota of its own");
        hands.fetch_add(19_000, Ordering::SeqCst);
        assert_eq!(refusal(&limiter, 1), Some(1), "having been refused costs nothing");
        hands.fetch_add(1_000, Ordering::SeqCst);
        assert_eq!(refusal(&limiter, 1), None);
    }

    #[test]
    fn what_was_harmless_is_given_back_or_forgotten() {
        let (limiter, _) = limiter();
        while limiter.check(&1).is_ok() {}
        limiter.give_back(&1);
        assert_eq!((refusal(&limiter, 1), refusal(&limiter, 1)), (None, Some(20)));
        limiter.forget(&1);
        assert_eq!(limiter.check(&1).unwrap().left, 2);
        limiter.give_back(&7);
        assert_eq!(limiter.check(&7).unwrap().left, 2, "nobody has more than the quota");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (limiter, hands) = limiter();
        while limiter.check(&1).is_ok() {}
        hands.fetch_sub(3_600_000, Ordering::SeqCst);
        assert_eq!(refusal(&limiter, 1), Some(20));
        hands.fetch_add(20_000, Ordering::SeqCst);
        assert_eq!(refusal(&limiter, 1), None);
    }

    #[test]
    fn a_flood_is_one_line_that_says_how_many_it_stands_for() {
        let line = Seldom::every(Duration::from_secs(1));
        assert_eq!(line.due(), Some(0));
        assert_eq!((line.due(), line.due()), (None, None));
        locked(&line.lines).last = Instant::now().checked_sub(Duration::from_secs(1));
        assert_eq!(line.due(), Some(2));
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::ffff:0:0:2"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
        assert_ne!(network_of("192.0.2.1"), network_of("192.0.2.2"));
        assert_eq!(network_of("nowhere"), None);
    }

    #[test]
    fn memory_is_bounded_and_keeps_who_comes_often() {
        let store = Recent::new(100);
        let count = |key: u32| {
            store.measure_and_replace(&key, |used| {
                let next = used.map_or(1, Nanos::as_u64) + 1;
                Ok::<_, ()>((next, Nanos::new(next)))
            })
        };
        for stranger in 1..10_000 {
            assert_eq!(count(0).unwrap(), u64::from(stranger) + 1, "who comes often is never forgotten");
            count(stranger).unwrap();
            let known = locked(&store.generations);
            assert!(known.young.len() + known.old.len() <= 100);
        }
    }
}
