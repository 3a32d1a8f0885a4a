//! What may be done, and the built-in roles as named sets of it.

use poem_openapi::Object;
use serde::Serialize;
use serde_json::json;

use super::actor::Actor;
use crate::db::{FromSql, FromSqlError, FromSqlResult, Read, RowResult, ToSql, ToSqlOutput, ValueRef};
use crate::error::Result;

macro_rules! permissions {
    ($($variant:ident $name:literal $sentence:literal)*) => {
        /// One thing somebody may be allowed to do in an account.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Permission { $($variant),* }

        impl Permission {
            pub const ALL: &'static [Permission] = &[$(Permission::$variant),*];

            /// Its name in the API, `users.create`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The permission of that name.
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|permission| permission.name() == name)
            }

            /// What it allows, as a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),* }
            }
        }
    };
}

permissions! {
    UsersCreate   "users.create"   "Add people to the account and invite them"
    UsersRead     "users.read"     "See the people of the account and their details, teams and roles"
    UsersUpdate   "users.update"   "Change people's profiles and notification preferences"
    UsersSuspend  "users.suspend"  "Suspend people, make them active again, and end their sessions"
    UsersDelete   "users.delete"   "Take people out of the account and put them back"
    RolesAssign   "roles.assign"   "Give people teams, roles and permissions, and take them away"
    RolesManage   "roles.manage"   "Make, change and delete the account's own roles"
    TeamsManage   "teams.manage"   "Make, rename, activate, deactivate and delete teams"
    EventsRead    "events.read"    "See what happened in the account"
    EventsCreate  "events.create"  "Record events of other systems"
    AccountUpdate "account.update" "Rename the account"
    AccountDelete "account.delete" "Delete the account"
}

/// A permission, explained.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename = "Permission", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// Its name, `users.create`
    pub name: String,
    /// What it allows
    pub description: String,
}

/// All there are, for anybody who is signed in.
pub fn list(r: &Read) -> Result<Vec<Explained>> {
    r.actor.require_user()?;
    let explained = |permission: &Permission| Explained {
        name: permission.name().into(),
        description: permission.sentence().into(),
    };
    Ok(Permission::ALL.iter().map(explained).collect())
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    pub const NONE: Self = Self(0);

    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is in here.
    pub fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in `self` and not in `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |p| self.contains(*p))
    }

    /// The names, sorted: `flatPermissionsList`.
    pub fn names(self) -> Vec<String> {
        let mut names: Vec<_> = self.iter().map(|p| p.name().to_owned()).collect();
        names.sort_unstable();
        names
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, p| set | 1 << p as u32))
    }
}

/// A set is stored as a JSON array of names.
impl ToSql for Permissions {
    fn to_sql(&self) -> RowResult<ToSqlOutput<'_>> {
        Ok(json!(self.names()).to_string().into())
    }
}

impl FromSql for Permissions {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let names: Vec<&str> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        Ok(names.into_iter().filter_map(Permission::find).collect())
    }
}

/// A role that every account has.
pub struct BuiltInRole {
    pub name: &'static str,
    pub sentence: &'static str,
    /// Those the role does not have.
    except: &'static [Permission],
    /// Those it has; all but `except` if empty.
    only: &'static [Permission],
}

impl BuiltInRole {
    pub fn permissions(&self) -> Permissions {
        match self.only {
            [] => Permissions::all().without(self.except.iter().copied().collect()),
            only => only.iter().copied().collect(),
        }
    }
}

pub const ADMIN: &str = "admin";
pub const MEMBER: &str = "member";

pub const BUILT_IN_ROLES: &[BuiltInRole] = &[
    BuiltInRole {
        name: ADMIN,
        sentence: "Looks after the people of the account",
        except: &[Permission::AccountDelete],
        only: &[],
    },
    BuiltInRole {
        name: MEMBER,
        sentence: "Sees the people of the account",
        except: &[],
        only: &[Permission::UsersRead],
    },
];

pub fn built_in(name: &str) -> Option<&'static BuiltInRole> {
    BUILT_IN_ROLES.iter().find(|role| role.name == name)
}

/// A permission somebody has, and all it comes from.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Granted {
    /// Name of the permission
    pub permission: String,
    /// What it allows
    pub description: String,
    /// All it comes from: `owner`, `accountAdmin`, `role:` and the name of a role, `direct`
    pub sources: Vec<String>,
}

impl Granted {
    pub fn new(permission: Permission, sources: Vec<String>) -> Self {
        Self { permission: permission.name().into(), description: permission.sentence().into(), sources }
    }
}

impl Actor {
    /// For pages, to leave out what would be refused.
    pub fn may(&self, permission: Permission) -> bool {
        self.account.is_some() && self.permissions.contains(permission)
    }
}
