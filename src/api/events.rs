//! `/events`: what happened in an account, by its own doing or told by other systems.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Tag;
use super::answers::{Found, Made, Page};
use super::caller::Inside;
use super::export::Lines;
use super::json::Json;
use super::schema::Position;
use crate::app::App;
use crate::clock::Timestamp;
use crate::domain::events::{self, Event, Filter, Limit, NewEvent};
use crate::domain::pulse::PulseEvent;
use crate::error::Result;

pub struct Api;

#[OpenApi(tag = "Tag::Events")]
impl Api {
    /// Record an event
    ///
    /// Lets another system of the team's write into the audit trail, as you and now. Needs the permission `events.create`.
    #[oai(path = "/events", method = "post", operation_id = "createEvent")]
    async fn create(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        new: Json<NewEvent>,
    ) -> Result<Made<Event>> {
        let event = app.write(caller.0, move |w| events::create(w, new.0)).await?;
        Ok(Made::at(format!("/events/{}", event.id), event))
    }

    /// List events
    ///
    /// What happened in the account, the latest first, a page at a time. To get the next page, send the same request with
    /// `cursor` set to the `nextCursor` of the answer. Needs the permission `events.read`.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    #[expect(clippy::too_many_arguments, reason = "each argument is a documented parameter")]
    async fn list(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Only events of this kind
        event: Query<Option<PulseEvent>>,
        /// Only what this user did
        #[oai(name = "actorId")]
        actor_id: Query<Option<i64>>,
        /// Only what was done to this user
        #[oai(name = "subjectId")]
        subject_id: Query<Option<i64>>,
        /// Only what was done by or to this user
        about: Query<Option<i64>>,
        /// Only what happened at this moment or later
        from: Query<Option<Timestamp>>,
        /// Only what happened before this moment
        to: Query<Option<Timestamp>>,
        /// How many events a page has
        limit: Query<Option<Limit>>,
        /// Where the page starts: the `nextCursor` of the page before
        cursor: Query<Option<Position>>,
    ) -> Result<Found<Page<Event>>> {
        let filter = Filter {
            event: event.0,
            actor_id: actor_id.0,
            subject_id: subject_id.0,
            from: from.0,
            to: to.0,
            about: about.0,
            cursor: cursor.0.map(|position| position.0),
            limit: limit.0.unwrap_or_default(),
        };
        let page = app.read(caller.0, move |r| events::list(r, &filter)).await?;
        Ok(Found::page(page.items, page.next))
    }

    /// Export events
    ///
    /// All that happened in the account, the oldest first, one JSON object a line, however many there are. Needs the permission
    /// `events.read`.
    #[oai(path = "/events/export", method = "get", operation_id = "exportEvents")]
    #[expect(clippy::too_many_arguments, reason = "each argument is a documented parameter")]
    async fn export(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Only events of this kind
        event: Query<Option<PulseEvent>>,
        /// Only what this user did
        #[oai(name = "actorId")]
        actor_id: Query<Option<i64>>,
        /// Only what was done to this user
        #[oai(name = "subjectId")]
        subject_id: Query<Option<i64>>,
        /// Only what was done by or to this user
        about: Query<Option<i64>>,
        /// Only what happened at this moment or later
        from: Query<Option<Timestamp>>,
        /// Only what happened before this moment
        to: Query<Option<Timestamp>>,
    ) -> Result<Lines<Event>> {
        let filter = Filter {
            event: event.0,
            actor_id: actor_id.0,
            subject_id: subject_id.0,
            from: from.0,
            to: to.0,
            about: about.0,
            ..Filter::default()
        };
        Lines::export(app, caller.0, filter).await
    }

    /// Get an event
    ///
    /// Returns one event of the account. Needs the permission `events.read`.
    #[oai(path = "/events/:id", method = "get", operation_id = "getEvent")]
    async fn find(
        &self,
        app: App,
        #[oai(name = "x-account-id")] caller: Inside,
        /// Event ID
        id: Path<i64>,
    ) -> Result<Found<Event>> {
        Ok(Found::it(app.read(caller.0, move |r| events::find(r, id.0)).await?))
    }
}
