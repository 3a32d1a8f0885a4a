//! `application/x-ndjson`: one JSON object a line, sent slice by slice, so that memory stays flat however long it gets.

use std::marker::PhantomData;

use futures_util::stream::try_unfold;
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::app::App;
use crate::domain::events::{self, Event, Filter};
use crate::domain::tokens::Caller;
use crate::error::Result;

/// Events in one slice.
const SLICE: usize = 500;

/// Lines, each a `T`.
pub struct Lines<T> {
    body: Body,
    of: PhantomData<T>,
}

impl Lines<Event> {
    /// Reads the first slice before anything is answered, so that a refusal is one. Should a later slice fail, the
    /// answer breaks off, which clients can tell from its end.
    pub async fn export(app: App, caller: Caller, filter: Filter) -> Result<Self> {
        let first = slice(&app, &caller, &filter, 0).await?;
        let slices = try_unfold(first, move |events| {
            let (app, caller, filter) = (app.clone(), caller.clone(), filter.clone());
            async move {
                let Some(last) = events.last() else { return Ok(None) };
                let next = slice(&app, &caller, &filter, last.id).await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(Some((lines(&events)?, next)))
            }
        });
        Ok(Self { body: Body::from_bytes_stream(slices), of: PhantomData })
    }
}

async fn slice(app: &App, caller: &Caller, filter: &Filter, after: i64) -> Result<Vec<Event>> {
    let filter = filter.clone();
    app.read(caller.clone(), move |r| events::export(r, &filter, after, SLICE)).await
}

fn lines(events: &[Event]) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, event)?;
        text.push(b'\n');
    }
    Ok(text)
}

const CONTENT_TYPE: &str = "application/x-ndjson";

impl<T: Send> IntoResponse for Lines<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(CONTENT_TYPE).body(self.body)
    }
}

impl<T: Type> ApiResponse for Lines<T> {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: CONTENT_TYPE, schema: T::schema_ref() }];
        let description = "All of them, one a line";
        let response = MetaResponse { description, status: Some(200), status_range: None, content, headers: vec![] };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}
