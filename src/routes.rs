//! Routes that are known by name as well as served, so that a test can call every one of them and a 405 can say what
//! would have been right. The API's own are known from its document.

use poem::{Endpoint, IntoEndpoint, Route, get, post};

/// A path, with `:name` for a part that varies, and the methods that do something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub methods: &'static [&'static str],
    pub path: String,
}

/// A [`Route`] that keeps a list of itself.
#[derive(Default)]
pub struct Routes {
    route: Route,
    addresses: Vec<Address>,
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
    pub fn served(self, path: &str, endpoint: impl IntoEndpoint<Endpoint: 'static>) -> Self {
        self.at(path, &["GET", "HEAD"], endpoint)
    }

    fn at(
        mut self,
        path: &str,
        methods: &'static [&'static str],
        endpoint: impl IntoEndpoint<Endpoint: 'static>,
    ) -> Self {
        self.addresses.push(Address { methods, path: path.to_owned() });
        self.route = self.route.at(path, endpoint);
        self
    }

    /// What is served at each address.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    pub fn into_route(self) -> Route {
        self.route
    }
}
