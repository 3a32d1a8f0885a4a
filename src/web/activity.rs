//! What happened in the account: filtered, paged, and as a file to keep.

use std::collections::HashSet;

use askama::Template;
use poem::web::Query;
use poem::{Body, Response, handler};
use serde::Deserialize;
use serde_json::Value;

use super::frame::{Frame, Section};
use super::person::Person;
use super::visit::Visit;
use crate::clock::Timestamp;
use crate::db::Read;
use crate::domain::events::{self, Event, Filter};
use crate::domain::permissions::Permission;
use crate::domain::pulse::Group;
use crate::domain::{teams, users, words};
use crate::error::Result;

/// The address's part after the `?`, as it was typed. What can't be read is left out, not refused.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct View {
    event: String,
    /// ID of a user it was done by or to.
    about: String,
    /// Days, `2026-11-23`; the last one is included.
    from: String,
    to: String,
    cursor: String,
}

impl View {
    fn filter(&self) -> Filter {
        let day = |text: &str, end: &str| {
            format!("{text}T00:00:00Z").parse::<Timestamp>().ok().map(|at| match end {
                "" => at,
                _ => at.after(std::time::Duration::from_secs(24 * 3600)),
            })
        };
        Filter {
            event: self.event.parse().ok(),
            about: self.about.parse().ok(),
            from: day(&self.from, ""),
            to: day(&self.to, "end"),
            cursor: self.cursor.parse().ok(),
            ..Filter::default()
        }
    }

    /// This view's query, from another place on.
    fn query(&self, cursor: Option<i64>) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("event", &self.event), ("about", &self.about), ("from", &self.from), ("to", &self.to)] {
            if !value.is_empty() {
                pairs.append_pair(name, value);
            }
        }
        if let Some(cursor) = cursor {
            pairs.append_pair("cursor", &cursor.to_string());
        }
        pairs.finish()
    }
}

#[derive(Template)]
#[template(path = "activity/list.html")]
struct ListPage {
    frame: Frame,
    view: View,
    events: Vec<Event>,
    next: Option<i64>,
    /// Whom it is about, if it is about somebody.
    about: Option<String>,
    /// Who of those in them has a page.
    people: HashSet<i64>,
    teams: Vec<(i64, String)>,
    now: Timestamp,
}

impl ListPage {
    /// The query of the page of what happened before these.
    fn earlier(&self, cursor: &i64) -> String {
        self.view.query(Some(*cursor))
    }

    /// The address of the same about everybody.
    fn about_everybody(&self) -> String {
        let view = View { about: String::new(), ..self.view.clone() };
        format!("{}?{}", self.frame.at("activity"), view.query(None))
    }

    fn is_filtered(&self) -> bool {
        !self.view.query(None).is_empty()
    }
}

#[handler]
pub async fn page(visit: Visit, view: poem::Result<Query<View>>) -> Result<Response> {
    let view = view.map(|view| view.0).unwrap_or_default();
    let page = move |r: &Read, frame| {
        let filter = view.filter();
        let page = events::list(r, &filter)?;
        Ok(ListPage {
            people: users::present(r, page.items.iter().flat_map(Event::people))?,
            about: filter.about.map(|id| called(r, id, &page.items)),
            teams: teams::names(r).unwrap_or_default(),
            frame,
            view,
            events: page.items,
            next: page.next,
            now: r.now,
        })
    };
    visit.page(Section::Activity, page).await
}

/// What somebody is called, or was when these things happened; they may be gone.
fn called(r: &Read, id: i64, events: &[Event]) -> String {
    let then = |event: &Event| match Some(id) {
        id if id == event.subject_id => event.subject.clone(),
        id if id == event.actor_id => event.actor.clone(),
        _ => None,
    };
    let now = users::find(r, id).ok().map(|user| Person::from(&user).title().to_owned());
    now.or_else(|| events.iter().find_map(then)).unwrap_or_else(|| format!("user {id}"))
}

/// Events in one slice of the export.
const SLICE: usize = 1000;

/// Every event that the filter leaves, the oldest first, as newline-delimited JSON.
#[handler]
pub async fn export(visit: Visit, view: poem::Result<Query<View>>) -> Result<Response> {
    let filter = view.map(|view| view.0).unwrap_or_default().filter();
    visit.read(|r| r.actor.require(Permission::EventsRead).map(drop)).await?;
    let name = format!("attachment; filename=\"events-{}.ndjson\"", visit.account_id()?);
    let slices = futures_util::stream::try_unfold((visit, filter, 0), |(visit, filter, after)| async move {
        let wanted = filter.clone();
        let events = visit.read(move |r| events::export(r, &wanted, after, SLICE)).await;
        let events = events.map_err(std::io::Error::other)?;
        let Some(last) = events.last().map(|event| event.id) else { return Ok(None) };
        let lines: Vec<String> = events.iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
        Ok::<_, std::io::Error>(Some((lines.join("\n") + "\n", (visit, filter, last))))
    });
    Ok(Response::builder()
        .content_type("application/x-ndjson")
        .header("content-disposition", name)
        .body(Body::from_bytes_stream(slices)))
}

impl Event {
    /// Users it names: who did it, and whom it was done to.
    pub fn people(&self) -> impl Iterator<Item = i64> {
        self.actor_id.into_iter().chain(self.subject_id)
    }

    /// Who did it, if they are one of these people.
    pub fn by_whom(&self, people: &HashSet<i64>) -> Option<i64> {
        self.actor_id.filter(|id| people.contains(id))
    }

    /// What was done; in three parts, if it names one of these people: what comes before, who it is, and what comes after.
    pub fn said_of(&self, people: &HashSet<i64>) -> (String, Option<(i64, &str)>, String) {
        let sentence = self.sentence();
        let named = self.subject_id.filter(|id| people.contains(id)).zip(self.subject.as_deref());
        let around = named.and_then(|(_, subject)| sentence.split_once(subject));
        match around {
            Some((before, after)) => (before.to_owned(), named, after.to_owned()),
            None => (sentence, None, String::new()),
        }
    }

    /// Who did it; both names, where somebody acted as somebody else.
    pub fn by(&self) -> String {
        let actor = self.actor.as_deref().unwrap_or("The server");
        match &self.impersonator {
            Some(owner) => format!("{owner} as {actor}"),
            None => actor.to_owned(),
        }
    }

    /// What changed, field by field, as "Name: Ada → Ada Lovelace". Teams are told by these names.
    pub fn changed(&self, teams: &[(i64, String)]) -> Vec<String> {
        let Some(Value::Object(fields)) = &self.changes else { return Vec::new() };
        let team =
            |id: i64| teams.iter().find(|(team, _)| *team == id).map_or(format!("team {id}"), |(_, name)| name.clone());
        let line = |(field, value): (&String, &Value)| {
            let title = match field.as_str() {
                "teamId" => "Team".to_owned(),
                "imgSrc" => "Picture".to_owned(),
                field => words::sentence(&spaced(field)),
            };
            if field == "notificationPreferences" {
                return format!("{title}: {}", chosen(value));
            }
            // What another system calls a team is none of ours.
            let said = |value: &Value| match value.as_i64() {
                Some(id) if field == "teamId" && self.reported.is_none() => team(id),
                _ => said(value),
            };
            match (value.get("before"), value.get("after")) {
                (Some(Value::Null), Some(after)) => format!("{title}: {}", said(after)),
                (Some(before), Some(after)) => format!("{title}: {} → {}", said(before), said(after)),
                _ => format!("{title}: {}", said(value)),
            }
        };
        let is_told = |field: &str| self.reported.is_none() && IN_THE_SENTENCE.contains(&field);
        fields.iter().filter(|(field, _)| !is_told(field)).map(line).collect()
    }
}

/// What only marks an event, which its sentence tells.
const IN_THE_SENTENCE: [&str; 6] = ["invited", "pending", "removed", "requested", "made", "downloaded"];

/// For how many events preferences were chosen, before and after.
fn chosen(change: &Value) -> String {
    let events =
        |when: &str| words::count(change[when].as_object().map_or(0, |all| all.len() as u64), "event", "events");
    format!("{} → {}", events("before"), events("after"))
}

/// `imgSrc` → `img src`.
fn spaced(field: &str) -> String {
    let mut text = String::new();
    for c in field.chars() {
        if c.is_ascii_uppercase() {
            text.push(' ');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// A JSON value in words.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) if text.is_empty() => "nothing".into(),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(at) if at.to_string() == *text => at.minute(),
            _ => text.clone(),
        },
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) if items.iter().all(|item| item.is_string()) => {
            items.iter().map(said).collect::<Vec<_>>().join(", ")
        }
        value => words::shortened(&value.to_string()),
    }
}
