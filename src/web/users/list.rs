//! The list: everything about it is in its address, so that a view can be kept and sent.

use askama::Template;
use poem::web::Query;
use poem::{Response, handler};
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::db::Read;
use crate::domain::permissions::Permission;
use crate::domain::users::{self, Count, Cursor, Filter, Page, Sort, SortBy, User};
use crate::domain::words;
use crate::domain::{memberships, roles, teams};
use crate::error::Result;
use crate::web::frame::{Frame, Section};
use crate::web::person::Person;
use crate::web::visit::Visit;

/// The address's part after the `?`, as it was typed. What can't be read is left out, not refused.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct View {
    query: String,
    /// One of [`STATUSES`].
    status: String,
    role: String,
    team: String,
    sort: String,
    cursor: String,
}

/// What the people of a list can have in common, by its name in the address.
const STATUSES: &[(&str, &str)] = &[
    ("", "Everybody"),
    ("active", "Active"),
    ("suspended", "Suspended"),
    ("invited", "Invited"),
    ("admins", "Admins"),
    ("bin", "Recycle bin"),
];

impl View {
    fn filter(&self) -> Filter {
        let sort: Sort = self.sort.parse().unwrap_or_default();
        let cursor = self.cursor.parse().ok().filter(|cursor: &Cursor| cursor.fits(sort));
        let status = |name: &str| (self.status == name).then_some(true);
        Filter {
            query: self.query.trim().to_owned(),
            active: status("active").or(status("suspended").map(|_| false)),
            pending: status("invited").or(status("active").map(|_| false)),
            account_admin: status("admins"),
            removed: self.status == "bin",
            role: Some(self.role.clone()).filter(|role| !role.is_empty()),
            team_id: self.team.parse().ok(),
            sort,
            cursor,
            ..Filter::default()
        }
    }

    /// Those of its parts that say something, by name.
    fn kept<'v>(&'v self, names: &str) -> Vec<(&'static str, &'v str)> {
        let all = [
            ("query", &self.query),
            ("status", &self.status),
            ("role", &self.role),
            ("team", &self.team),
            ("sort", &self.sort),
            ("cursor", &self.cursor),
        ];
        let wanted = |name: &str| names.split(' ').any(|wanted| wanted == name);
        let said = all.into_iter().filter(|(name, value)| wanted(name) && !value.is_empty());
        said.map(|(name, value)| (name, value.as_str())).collect()
    }

    fn pairs(&self) -> String {
        let all = self.kept("query status role team sort cursor");
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
    }
}

#[derive(Template)]
#[template(path = "users/list.html")]
struct ListPage {
    frame: Frame,
    view: View,
    sort: Sort,
    people: Page,
    count: Count,
    teams: Vec<(i64, String)>,
    roles: Vec<String>,
    now: Timestamp,
}

#[handler]
pub async fn page(visit: Visit, view: poem::Result<Query<View>>) -> Result<Response> {
    let mut view = view.map(|view| view.0).unwrap_or_default();
    let filter = view.filter();
    view.cursor.clear();
    let page = move |r: &Read, frame| {
        let (people, count) = (users::list(r, &filter)?, users::count(r, &filter)?);
        let (teams, roles) = (teams::names(r)?, roles::names(r)?);
        Ok(ListPage { frame, view, sort: filter.sort, people, count, teams, roles, now: r.now })
    };
    visit.page(Section::Users, page).await
}

/// Columns of the table, each with what it can be sorted by.
const COLUMNS: &[(&str, &[(&str, SortBy)])] = &[
    ("who", &[("Name", SortBy::Name), ("E-mail", SortBy::Email)]),
    ("roles", &[]),
    ("team", &[]),
    ("status", &[]),
    ("when", &[("Created", SortBy::CreatedAt)]),
];

/// One thing that all who are shown have in common.
struct Chip {
    /// `tabbed` where one of the tabs says the same.
    class: &'static str,
    text: String,
    /// Address of the list without it.
    without: String,
}

impl ListPage {
    fn base(&self) -> String {
        self.frame.at("users")
    }

    fn address(&self, view: &View) -> String {
        let (base, pairs) = (self.base(), view.pairs());
        if pairs.is_empty() { base } else { format!("{base}?{pairs}") }
    }

    fn with_status(&self, status: &str) -> String {
        self.address(&View { status: status.into(), ..self.view.clone() })
    }

    fn at(&self, cursor: &Cursor) -> String {
        self.address(&View { cursor: cursor.to_string(), ..self.view.clone() })
    }

    /// Sorts by a column; the other way round when it is sorted by it already.
    fn sorted_by(&self, by: &SortBy) -> String {
        let newest_first = matches!(by, SortBy::CreatedAt | SortBy::UpdatedAt);
        let descending = if self.sort.by == *by { !self.sort.descending } else { newest_first };
        let sort = Sort { by: *by, descending };
        let sort = if sort == Sort::default() { String::new() } else { sort.to_string() };
        self.address(&View { sort, ..self.view.clone() })
    }

    /// The value of `aria-sort` for a column that can be sorted by these.
    fn aria_sort(&self, orders: &[(&str, SortBy)]) -> &'static str {
        match self.sort {
            sort if orders.iter().all(|(_, by)| sort.by != *by) => "none",
            Sort { descending: true, .. } => "descending",
            Sort { descending: false, .. } => "ascending",
        }
    }

    /// What is shown.
    fn chips(&self) -> Vec<Chip> {
        let view = &self.view;
        let mut chips = Vec::new();
        let mut chip = |class, text: String, without: View| {
            chips.push(Chip { class, text, without: self.address(&without) });
        };
        if !view.query.trim().is_empty() {
            chip("", format!("“{}”", view.query.trim()), View { query: String::new(), ..view.clone() });
        }
        if let Some((_, title)) = STATUSES.iter().find(|(name, _)| !name.is_empty() && *name == view.status) {
            chip("tabbed", (*title).to_owned(), View { status: String::new(), ..view.clone() });
        }
        if !view.role.is_empty() {
            chip("", format!("Role {}", view.role), View { role: String::new(), ..view.clone() });
        }
        if !view.team.is_empty() {
            let team = view.team.parse().ok().and_then(|id| self.team(&Some(id)));
            let title = format!("Team {}", team.unwrap_or(&view.team));
            chip("", title, View { team: String::new(), ..view.clone() });
        }
        chips
    }

    /// The recycle bin is for those who may put somebody into it.
    fn statuses(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let may_see_bin = self.frame.may(Permission::UsersDelete.name());
        STATUSES.iter().filter(move |(name, _)| may_see_bin || *name != "bin")
    }

    /// How long somebody can still be put back.
    fn left(&self, removed_at: &Timestamp) -> String {
        let left = removed_at.after(memberships::KEPT).0.saturating_sub(self.now.0).max(0).unsigned_abs();
        words::count(left.div_ceil(24 * 3_600_000), "day left", "days left")
    }

    fn in_bin(&self) -> bool {
        self.view.status == "bin"
    }

    fn count(&self) -> String {
        // Those on this page are there for certain.
        let Count { people, more } = self.count;
        let people = words::number(people.max(self.people.items.len()) as u64);
        format!("{people}{}", if more { "+" } else { "" })
    }

    /// What a team is called.
    fn team(&self, id: &Option<i64>) -> Option<&str> {
        self.teams.iter().find(|(team, _)| Some(*team) == *id).map(|(_, name)| name.as_str())
    }

    /// The roles by name; an account's admin needs no other.
    fn roles(&self, user: &User) -> String {
        let here = self.frame.account.as_ref().map(|account| account.id.as_str());
        match user.accounts.iter().find(|account| Some(account.account_id.as_str()) == here) {
            Some(account) if account.account_admin => "Account admin".into(),
            _ => user.flat_roles_list.join(", "),
        }
    }

    fn person(&self, user: &User) -> Person {
        user.into()
    }
}
