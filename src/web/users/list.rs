//! The list: everything about it is in its address, so that a view can be kept and sent.

use askama::Template;
use poem::http::StatusCode;
use poem::web::{Path, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;

use crate::app::App;
use crate::auth::Visitor;
use crate::clock::Timestamp;
use crate::domain::fields::AccountId;
use crate::domain::permissions::Permission;
use crate::domain::users::{self, Cursor, Filter, Page, Sort, SortBy, User};
use crate::error::Result;
use crate::web::frame::{Frame, Said};
use crate::web::person::Person;
use crate::web::render;

/// The address's part after the `?`, as it was typed. What can't be read is left out, not refused.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct View {
    query: String,
    active: String,
    sort: String,
    cursor: String,
}

impl View {
    fn filter(&self) -> Filter {
        let sort: Sort = self.sort.parse().unwrap_or_default();
        let cursor = self.cursor.parse().ok().filter(|cursor: &Cursor| cursor.fits(sort));
        Filter {
            query: self.query.trim().to_owned(),
            active: self.active.parse().ok(),
            sort,
            cursor,
            ..Filter::default()
        }
    }
}

#[derive(Template)]
#[template(path = "users/list.html")]
struct ListPage {
    frame: Frame,
    filter: Filter,
    people: Page,
    count: u64,
    may_create: bool,
    now: Timestamp,
}

#[handler]
pub async fn page(
    app: App,
    visitor: Visitor,
    Path(account): Path<AccountId>,
    Query(view): Query<View>,
    request: &Request,
) -> Result<Response> {
    let (server, said) = (app.config().name.clone(), Said::of(request));
    let found = app
        .read(visitor.within(account), move |r| {
            let filter = view.filter();
            let (people, count) = (users::list(r, &filter)?, users::count(r, &filter)?);
            let may_create = r.actor.may(Permission::UsersCreate);
            Ok(ListPage { frame: Frame::load(r, &server, said)?, filter, people, count, may_create, now: r.now })
        })
        .await?;
    Ok(render(StatusCode::OK, &found))
}

/// Columns of the table, each with what it can be sorted by.
const COLUMNS: &[(&str, &[(&str, SortBy)])] = &[
    ("who", &[("Name", SortBy::Name), ("E-mail", SortBy::Email)]),
    ("roles", &[]),
    ("status", &[]),
    ("when", &[("Created", SortBy::CreatedAt)]),
    ("when later", &[("Updated", SortBy::UpdatedAt)]),
];

impl ListPage {
    /// The address of this view with another filter, from its first page on.
    fn address(&self, query: &str, active: Option<bool>, sort: Sort, cursor: Option<&Cursor>) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        if !query.is_empty() {
            pairs.append_pair("query", query);
        }
        if let Some(active) = active {
            pairs.append_pair("active", if active { "true" } else { "false" });
        }
        if sort != Sort::default() {
            pairs.append_pair("sort", &sort.to_string());
        }
        if let Some(cursor) = cursor {
            pairs.append_pair("cursor", &cursor.to_string());
        }
        let (base, pairs) = (self.base(), pairs.finish());
        if pairs.is_empty() { base } else { format!("{base}?{pairs}") }
    }

    fn base(&self) -> String {
        format!("/ui/accounts/{}/users", self.frame.account.id)
    }

    fn with_active(&self, active: Option<bool>) -> String {
        self.address(&self.filter.query, active, self.filter.sort, None)
    }

    fn without_query(&self) -> String {
        self.address("", self.filter.active, self.filter.sort, None)
    }

    fn at(&self, cursor: &Cursor) -> String {
        self.address(&self.filter.query, self.filter.active, self.filter.sort, Some(cursor))
    }

    /// Sorts by a column; the other way round when it is sorted by it already.
    fn sorted_by(&self, by: &SortBy) -> String {
        let (current, by) = (self.filter.sort, *by);
        let newest_first = matches!(by, SortBy::CreatedAt | SortBy::UpdatedAt);
        let descending = if current.by == by { !current.descending } else { newest_first };
        self.address(&self.filter.query, self.filter.active, Sort { by, descending }, None)
    }

    /// The value of `aria-sort` for a column that can be sorted by these.
    fn aria_sort(&self, orders: &[(&str, SortBy)]) -> &'static str {
        match self.filter.sort {
            sort if orders.iter().all(|(_, by)| sort.by != *by) => "none",
            Sort { descending: true, .. } => "descending",
            Sort { descending: false, .. } => "ascending",
        }
    }

    fn is_filtered(&self) -> bool {
        !self.filter.query.is_empty() || self.filter.active.is_some()
    }

    fn count(&self) -> String {
        if self.count > users::COUNT_MAX { "10,000+".into() } else { crate::domain::words::number(self.count) }
    }

    /// The roles in words; an account's admin needs no other.
    fn roles(&self, user: &User) -> String {
        let here = self.frame.account.id.as_str();
        match user.accounts.iter().find(|account| account.account_id == here) {
            Some(account) if account.account_admin => "Account admin".into(),
            _ => crate::domain::words::sentence(&user.flat_roles_list.join(", ")),
        }
    }

    fn person(&self, user: &User) -> Person {
        user.into()
    }
}
