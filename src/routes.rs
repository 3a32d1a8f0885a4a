//! Routes that are known by name as well as served, so that a test can call every one of them and a 405 can say what
//! would have been right.

use std::sync::LazyLock;

use futures_util::future::Either;
use poem::http::Method;
use poem::{Endpoint, IntoEndpoint, Request, Response, Route, get, post};

/// A path, with `:name` for a part that varies, and the methods that do something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub methods: Vec<Method>,
    pub path: String,
}

/// Whether an address is one of a path's.
pub fn matches(path: &str, address: &str) -> bool {
    let mut given = address.split('/');
    let fits = |part: &str| given.next().is_some_and(|given| part == given || part.starts_with([':', '{']));
    path.split('/').all(fits) && given.next().is_none()
}

/// What a [`Route`] is made of, and a list of it.
#[derive(Default)]
pub struct Routes {
    addresses: Vec<Address>,
    /// Addresses below which all is served by another router.
    below: Vec<String>,
    /// How each gets into the router, which takes much longer than to list it.
    add: Vec<Add>,
}

type Add = Box<dyn FnOnce(Route) -> Route + Send>;

/// Of what is only looked at.
pub const LOOKED_AT: [Method; 2] = [Method::GET, Method::HEAD];

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    /// Something to look at.
    pub fn page(self, path: &str, show: impl Endpoint + 'static) -> Self {
        self.at(path, &LOOKED_AT, get(show))
    }

    /// A form: looked at, and sent.
    pub fn form(self, path: &str, show: impl Endpoint + 'static, send: impl Endpoint + 'static) -> Self {
        self.at(path, &[Method::GET, Method::HEAD, Method::POST], get(show).post(send))
    }

    /// A button: only ever sent.
    pub fn act(self, path: &str, send: impl Endpoint + 'static) -> Self {
        self.at(path, &[Method::POST], post(send))
    }

    /// Something else that only looks: a file, a document.
    pub fn served(self, path: &str, endpoint: impl IntoEndpoint<Endpoint: 'static> + Send + 'static) -> Self {
        self.at(path, &LOOKED_AT, endpoint)
    }

    /// All that is below an address, which whoever serves it knows.
    pub fn below(mut self, path: &str, endpoint: impl Endpoint + 'static) -> Self {
        let path = path.to_owned();
        self.below.push(path.clone());
        self.add.push(Box::new(|route| route.nest(path, endpoint)));
        self
    }

    fn at(
        mut self,
        path: &str,
        methods: &[Method],
        endpoint: impl IntoEndpoint<Endpoint: 'static> + Send + 'static,
    ) -> Self {
        let path = path.to_owned();
        self.addresses.push(Address { methods: methods.to_vec(), path: path.clone() });
        self.add.push(Box::new(|route| route.at(path, endpoint)));
        self
    }

    /// What is served at each address.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    pub fn into_route(self) -> Route {
        self.add.into_iter().fold(Route::new(), |route, add| add(route))
    }

    /// All that is at these addresses or below them, and another endpoint for everything else. To be found by a second router
    /// would cost each request a boxed future and copies of its path.
    pub fn or<E>(self, other: E) -> Fork<E> {
        let paths =
            self.addresses.iter().map(|address| address.path.clone()).chain(self.below.iter().cloned()).collect();
        let make: Box<dyn FnOnce() -> Route + Send> = Box::new(|| self.into_route());
        Fork { paths, routes: LazyLock::new(make), other }
    }
}

/// See [`Routes::or`]. The routes are made when the first of them is asked for.
pub struct Fork<E> {
    paths: Vec<String>,
    routes: LazyLock<Route, Box<dyn FnOnce() -> Route + Send>>,
    other: E,
}

impl<E> Fork<E> {
    /// Makes the routes now.
    pub fn made(self) -> Self {
        LazyLock::force(&self.routes);
        self
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Fork<E> {
    type Output = Response;

    fn call(&self, request: Request) -> impl Future<Output = poem::Result<Response>> + Send {
        let path = request.uri().path();
        let leads_to =
            |known: &String| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match self.paths.iter().any(leads_to) {
            true => Either::Left(Box::pin(self.routes.call(request))),
            false => Either::Right(self.other.call(request)),
        }
    }
}

/// Endpoints that are made when the first of them is asked for: a hundred routes take milliseconds, which nobody waits for
/// who starts the server to ask something else.
pub struct Later<E>(LazyLock<E, fn() -> E>);

impl<E> Later<E> {
    pub fn new(make: fn() -> E) -> Self {
        Self(LazyLock::new(make))
    }
}

impl<E: Endpoint> Endpoint for Later<E> {
    type Output = E::Output;

    fn call(&self, request: Request) -> impl Future<Output = poem::Result<E::Output>> + Send {
        self.0.call(request)
    }
}
