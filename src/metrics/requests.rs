//! Requests by route, method and outcome. The routes are known from the start, so whatever strangers ask for makes no new
//! lines: what is no route of ours is counted as `other`.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts};

use super::{SECONDS, gauge};
use crate::error::Result;

/// Methods that are told apart; the last stands for all others.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
/// Why requests are turned away that were no worse than others.
const REASONS: [&str; 5] = ["too_many_requests", "overloaded", "storage_unavailable", "storage_damaged", "stopping"];

pub struct Requests {
    table: OnceLock<Table>,
    total: IntCounterVec,
    duration: HistogramVec,
    refused: [IntCounter; REASONS.len()],
    refused_all: IntCounterVec,
    /// Requests that are being answered.
    pub in_flight: IntGauge,
}

/// The routes there are, by the parts of their paths.
struct Table {
    root: Part,
    routes: Vec<Route>,
    /// For what is none of them.
    other: Route,
}

/// The next part of a path, and what it leads to.
#[derive(Default)]
struct Part {
    route: Option<usize>,
    named: HashMap<String, Part>,
    varying: Option<Box<Part>>,
}

struct Route {
    pattern: String,
    methods: [OnceLock<Series>; METHODS.len()],
}

/// What is counted of one method at one route.
pub struct Series {
    duration: Histogram,
    outcomes: [IntCounter; CLASSES.len()],
}

impl Requests {
    pub fn new() -> Result<Self> {
        let opts = Opts::new("rollcall_http_requests_total", "Requests that were answered.");
        let total = IntCounterVec::new(opts, &["route", "method", "status"])?;
        let opts =
            HistogramOpts::new("rollcall_http_request_duration_seconds", "From a request's head to its answer's.");
        let duration = HistogramVec::new(opts.buckets(SECONDS.to_vec()), &["route", "method"])?;
        let opts = Opts::new("rollcall_http_requests_refused_total", "Requests that were told to come again later.");
        let refused_all = IntCounterVec::new(opts, &["reason"])?;
        let refused = REASONS.map(|reason| refused_all.with_label_values(&[reason]));
        let in_flight = gauge("rollcall_http_requests_in_flight", "Requests that are being answered.")?;
        Ok(Self { table: OnceLock::new(), total, duration, refused, refused_all, in_flight })
    }

    /// Says which paths are served, with `:name` or `{name}` for a part that varies. Only the first time counts.
    pub fn know(&self, paths: impl FnOnce() -> Vec<String>) {
        self.table.get_or_init(|| Table::new(&paths()));
    }

    /// What is counted of requests with this method at this address.
    pub fn at(&self, method: &str, path: &str) -> &Series {
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let Route { pattern, methods } = self.table.get_or_init(|| Table::new(&[])).find(path);
        methods[method].get_or_init(|| {
            let (pattern, method) = (pattern.as_str(), METHODS[method]);
            Series {
                duration: self.duration.with_label_values(&[pattern, method]),
                outcomes: CLASSES.map(|class| self.total.with_label_values(&[pattern, method, class])),
            }
        })
    }

    /// A request was turned away, with the code of an error.
    pub fn refuse(&self, code: &str) {
        if let Some(reason) = REASONS.iter().position(|reason| *reason == code) {
            self.refused[reason].inc();
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.total.clone()),
            Box::new(self.duration.clone()),
            Box::new(self.refused_all.clone()),
            Box::new(self.in_flight.clone()),
        ]
    }
}

impl Series {
    /// A request was answered, with this status and after so long.
    pub fn answered(&self, status: u16, after: Duration) {
        self.duration.observe(after.as_secs_f64());
        if let Some(outcome) = self.outcomes.get(usize::from(status / 100).wrapping_sub(2)) {
            outcome.inc();
        }
    }
}

impl Table {
    fn new(paths: &[String]) -> Self {
        let mut table = Self { root: Part::default(), routes: Vec::new(), other: Route::new("other".into()) };
        for path in paths {
            table.add(path);
        }
        table
    }

    fn add(&mut self, path: &str) {
        let mut here = &mut self.root;
        for part in path.split('/').skip(1) {
            here = match part.starts_with([':', '{']) {
                true => here.varying.get_or_insert_default(),
                false => here.named.entry(part.to_owned()).or_default(),
            };
        }
        if here.route.is_none() {
            here.route = Some(self.routes.len());
            let braced = |part: &str| part.strip_prefix(':').map_or(part.to_owned(), |name| format!("{{{name}}}"));
            self.routes.push(Route::new(path.split('/').map(braced).collect::<Vec<_>>().join("/")));
        }
    }

    fn find(&self, path: &str) -> &Route {
        let mut parts = path.split('/');
        parts.next();
        self.root.find(parts).and_then(|route| self.routes.get(route)).unwrap_or(&self.other)
    }
}

impl Route {
    fn new(pattern: String) -> Self {
        Self { pattern, methods: Default::default() }
    }
}

impl Part {
    /// The route that the rest of a path leads to; what is named goes before what varies.
    fn find<'p>(&self, mut rest: impl Iterator<Item = &'p str> + Clone) -> Option<usize> {
        let Some(part) = rest.next() else { return self.route };
        let named = self.named.get(part).and_then(|next| next.find(rest.clone()));
        named.or_else(|| self.varying.as_ref().filter(|_| !part.is_empty()).and_then(|next| next.find(rest)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_counted_at_its_route_and_what_is_none_as_other() {
        let paths = ["/", "/users", "/users/{id}", "/ui/users/new", "/ui/users/:id/:act", "/reference/"];
        let requests = Requests::new().unwrap();
        requests.know(|| paths.map(str::to_owned).to_vec());
        for (path, route) in [
            ("/", "/"),
            ("/users", "/users"),
            ("/users/7", "/users/{id}"),
            ("/users/", "other"),
            ("/users/7/8", "other"),
            ("/ui/users/new", "/ui/users/new"),
            ("/ui/users/new/suspend", "/ui/users/{id}/{act}"),
            ("/reference/", "/reference/"),
            ("/reference", "other"),
            ("*", "other"),
            ("", "other"),
        ] {
            let before = requests.total.with_label_values(&[route, "GET", "2xx"]).get();
            requests.at("GET", path).answered(204, Duration::from_millis(3));
            assert_eq!(requests.total.with_label_values(&[route, "GET", "2xx"]).get(), before + 1, "{path}");
        }
        requests.at("BREW", "/").answered(405, Duration::ZERO);
        assert_eq!(requests.total.with_label_values(&["/", "other", "4xx"]).get(), 1);
        requests.at("GET", "/").answered(999, Duration::ZERO);
    }
}
