//! Routes that are known by name as well as served, so that a test can call every one of them and a 405 can say what
//! would have been right. The API's own are known from its document.

use std::sync::LazyLock;

use poem::{Endpoint, IntoEndpoint, Request, Route, get, post};

/// A path, with `:name` for a part that varies, and the methods that do something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub methods: &'static [&'static str],
    pub path: String,
}

/// What a [`Route`] is made of, and a list of it.
#[derive(Default)]
pub struct Routes {
    addresses: Vec<Address>,
    /// How each gets into the router, which takes much longer than to list it.
    add: Vec<Box<dyn FnOnce(Route) -> Route>>,
}

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    /// Something to look at.
    pub fn page(self, path: &str, show: impl Endpoint + 'static) -> Self {
        self.at(path, &["GET", "HEAD"], get(show))
    }

    /// A form: looked at, and sent.
    pub fn form(self, path: &str, show: impl Endpoint + 'static, send: impl Endpoint + 'static) -> Self {
        self.at(path, &["GET", "HEAD", "POST"], get(show).post(send))
    }

    /// A button: only ever sent.
    pub fn act(self, path: &str, send: impl Endpoint + 'static) -> Self {
        self.at(path, &["POST"], post(send))
    }

    /// Something else that only looks: a file, a document.
    pub fn served(self, path: &str, endpoint: impl IntoEndpoint<Endpoint: 'static> + 'static) -> Self {
        self.at(path, &["GET", "HEAD"], endpoint)
    }

    fn at(
        mut self,
        path: &str,
        methods: &'static [&'static str],
        endpoint: impl IntoEndpoint<Endpoint: 'static> + 'static,
    ) -> Self {
        let path = path.to_owned();
        self.addresses.push(Address { methods, path: path.clone() });
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

    async fn call(&self, request: Request) -> poem::Result<E::Output> {
        self.0.call(request).await
    }
}
