//! The limit of the stack: the same requests, answered by poem-openapi with texts that were made beforehand.

use std::sync::Arc;

use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{EndpointExt, Route, Server};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Json, PlainText, Response};
use poem_openapi::{Object, OpenApi, OpenApiService};

/// What is answered: copied from the server that is measured.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Answers {
    pub user: String,
    pub list: String,
    pub page: String,
}

#[derive(Object)]
struct NewUser {
    email: String,
    name: Option<String>,
}

struct Api(Arc<Answers>);

#[OpenApi]
impl Api {
    #[oai(path = "/users", method = "post")]
    async fn create(&self, body: Json<NewUser>) -> Response<PlainText<String>> {
        std::hint::black_box((&body.email, &body.name));
        Response::new(PlainText(self.0.user.clone())).status(poem::http::StatusCode::CREATED)
    }

    #[oai(path = "/users/:id", method = "get")]
    async fn find(&self, id: Path<i64>) -> PlainText<String> {
        std::hint::black_box(id.0);
        PlainText(self.0.user.clone())
    }

    #[oai(path = "/users", method = "get")]
    async fn list(&self, query: Query<Option<String>>, cursor: Query<Option<String>>) -> PlainText<String> {
        std::hint::black_box((&query.0, &cursor.0));
        PlainText(self.0.list.clone())
    }

    #[oai(path = "/page", method = "get")]
    async fn page(&self) -> PlainText<String> {
        PlainText(self.0.page.clone())
    }
}

/// Serves until it is killed.
pub fn serve(answers: Answers) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let api = OpenApiService::new(Api(Arc::new(answers)), "bare", "1");
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr().remove(0);
        println!("Rollcall is listening on http://{}", address.as_socket_addr().expect("an address"));
        Server::new_with_acceptor(acceptor).run(Route::new().nest("/", api).map_to_response()).await.expect("served");
    });
}
