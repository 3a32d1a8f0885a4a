//! Who is connected, and how many may be. When all places are taken, somebody who has not asked anything yet makes room
//! for who comes new, so slow connections by the thousand don't keep others out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Bounds;
use crate::limits::network;

pub struct Connections {
    bounds: Bounds,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    taken: usize,
    by_network: HashMap<IpAddr, usize>,
    /// Those whom nobody waits for, in the order in which they have to go.
    waiting: BTreeMap<Turn, Arc<Notify>>,
    turns: u64,
}

/// Who never asked anything goes before who did, and then who has been waiting for longest.
type Turn = (bool, u64);

/// The place of one connection, given back when it is dropped.
pub struct Place {
    connections: Arc<Connections>,
    network: Option<IpAddr>,
    gone: Arc<Notify>,
    hurried: Notify,
    progress: Mutex<Progress>,
}

struct Progress {
    phase: Phase,
    since: Instant,
    /// Where it stands among those who wait; none while a request is under way.
    turn: Option<Turn>,
    /// Requests under way; HTTP/2 has several at once.
    requests: usize,
    speaks_http2: bool,
    /// Whether the client is behind with reading what was sent.
    behind: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Nothing was asked yet.
    New,
    /// All that was asked was answered.
    Idle,
    /// The head of another request has begun to arrive.
    Head,
    /// Requests are under way.
    Busy,
}

impl Connections {
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, places: Mutex::default() })
    }

    /// A place for somebody new. None if their network has enough already, or if everybody is at work. `counted` is whether
    /// their network is held to its share.
    pub fn place(self: &Arc<Self>, address: IpAddr, counted: bool) -> Option<Arc<Place>> {
        let network = counted.then(|| network(address.to_canonical()));
        let gone = Arc::new(Notify::new());
        let mut places = self.places();
        if network.is_some_and(|network| places.by_network.get(&network).is_some_and(|n| *n >= self.bounds.per_network))
        {
            return None;
        }
        if places.taken >= self.bounds.connections && !places.make_room() {
            return None;
        }
        places.taken += 1;
        if let Some(network) = network {
            *places.by_network.entry(network).or_default() += 1;
        }
        let turn = places.wait(false, gone.clone());
        drop(places);
        let progress = Progress {
            phase: Phase::New,
            since: Instant::now(),
            turn: Some(turn),
            requests: 0,
            speaks_http2: false,
            behind: false,
        };
        let place =
            Place { connections: self.clone(), network, gone, hurried: Notify::new(), progress: progress.into() };
        Some(Arc::new(place))
    }

    /// Sends away whoever can be missed most; whether there was anybody.
    pub fn make_room(&self) -> bool {
        self.places().make_room()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn wait(&mut self, asked: bool, gone: Arc<Notify>) -> Turn {
        self.turns += 1;
        self.waiting.insert((asked, self.turns), gone);
        (asked, self.turns)
    }

    fn make_room(&mut self) -> bool {
        let first = self.waiting.pop_first();
        if let Some((_, gone)) = &first {
            // The place counts as free from now on; see the end of `Place`.
            self.taken -= 1;
            gone.notify_one();
        }
        first.is_some()
    }
}

impl Place {
    /// Whose share of things this connection uses; none if it is not held to one.
    pub fn network(&self) -> Option<IpAddr> {
        self.network
    }

    /// A request has arrived, all of its head.
    pub fn begin(&self, http2: bool) {
        let mut progress = self.progress();
        progress.requests += 1;
        progress.speaks_http2 = http2;
        progress.enter(Phase::Busy);
        if let Some(turn) = progress.turn.take() {
            let was_there = self.connections.places().waiting.remove(&turn).is_some();
            if !was_there {
                progress.turn = Some(turn);
            }
        }
    }

    /// A request was answered, or given up.
    pub fn finish(&self) {
        let mut progress = self.progress();
        progress.requests -= 1;
        if progress.requests == 0 {
            progress.enter(Phase::Idle);
            if progress.turn.is_none() {
                progress.turn = Some(self.connections.places().wait(true, self.gone.clone()));
            }
        }
    }

    /// A part of an answer was asked for.
    pub fn go_on(&self) {
        self.progress().since = Instant::now();
    }

    /// Something arrived.
    pub fn heard(&self) {
        let mut progress = self.progress();
        // Over HTTP/2 it may be anything, such as the answer to a ping.
        if progress.phase == Phase::Idle && !progress.speaks_http2 {
            progress.enter(Phase::Head);
            drop(progress);
            self.hurried.notify_one();
        }
    }

    /// Something was sent, or (`behind`) could not be, since the client reads nothing.
    pub fn sent(&self, behind: bool) {
        let mut progress = self.progress();
        progress.behind = behind;
        if !behind && !progress.speaks_http2 && matches!(progress.phase, Phase::Idle | Phase::Busy) {
            progress.since = Instant::now();
        }
    }

    /// Whether a client would lose something if the connection ended now.
    pub fn is_at_work(&self) -> bool {
        let progress = self.progress();
        progress.requests > 0 || progress.behind
    }

    /// Resolves when it takes too long, and says whether all that was asked was answered.
    pub async fn overdue(&self) -> bool {
        loop {
            let (phase, due) = self.due();
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.hurried.notified() => {}
            }
            let (now, due) = self.due();
            if now == phase && due <= Instant::now() {
                return phase == Phase::Idle;
            }
        }
    }

    fn due(&self) -> (Phase, Instant) {
        let progress = self.progress();
        let bounds = &self.connections.bounds;
        let within: Duration = match progress.phase {
            Phase::New | Phase::Head => bounds.head,
            Phase::Idle => bounds.idle,
            Phase::Busy => bounds.stall,
        };
        (progress.phase, progress.since + within)
    }

    /// Resolves when the place is given to somebody else.
    pub async fn given_away(&self) {
        self.gone.notified().await;
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let turn = self.progress().turn.take();
        let mut places = self.connections.places();
        // Who waits no more, although no request of theirs took them off the list, was sent away and counted off then.
        let sent_away = turn.is_some_and(|turn| places.waiting.remove(&turn).is_none());
        if !sent_away {
            places.taken -= 1;
        }
        let Some(network) = self.network else { return };
        if let Some(n) = places.by_network.get_mut(&network) {
            *n -= 1;
            if *n == 0 {
                places.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn three() -> Arc<Connections> {
        Connections::new(Bounds { connections: 3, per_network: 2, ..Bounds::default() })
    }

    fn address(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    fn is_gone(place: &Place) -> bool {
        place.given_away().now_or_never().is_some()
    }

    #[test]
    fn who_never_asked_anything_makes_room_first_and_who_is_at_work_never() {
        let connections = three();
        let [asked, first, second] = [1, 2, 3].map(|n| connections.place(address(n), true).unwrap());
        asked.begin(false);
        asked.finish();
        let fourth = connections.place(address(4), true).unwrap();
        assert!(is_gone(&first) && !is_gone(&second) && !is_gone(&asked));
        for place in [&second, &fourth] {
            place.begin(false);
        }
        let fifth = connections.place(address(5), true).unwrap();
        assert!(is_gone(&asked), "then who has asked before goes");
        fifth.begin(false);
        assert!(connections.place(address(6), true).is_none(), "everybody is at work");
        second.finish();
        assert!(connections.place(address(6), true).is_some());
        drop((asked, first, second, fourth, fifth));
        assert_eq!(connections.places().taken, 0);
        assert!(connections.places().by_network.is_empty() && connections.places().waiting.is_empty());
    }

    #[test]
    fn one_network_has_its_share_and_no_more() {
        let connections = three();
        let one = connections.place(address(1), true).unwrap();
        let _other = connections.place(address(1), true).unwrap();
        assert!(connections.place(address(1), true).is_none());
        assert!(connections.place(address(1), false).is_some(), "who is not counted");
        drop(one);
        assert!(connections.place(address(1), true).is_some());
    }
}
