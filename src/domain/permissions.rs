//! What may be done, and the built-in roles as named sets of it.

use super::actor::Actor;

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

            /// What it allows, as a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),* }
            }
        }
    };
}

permissions! {
    UsersCreate "users.create" "Add people to the account and invite them"
    UsersRead   "users.read"   "See the people of the account and their details"
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

/// A role that every account has.
pub struct BuiltInRole {
    pub name: &'static str,
    pub permissions: &'static [Permission],
}

pub const ADMIN: &str = "admin";
pub const MEMBER: &str = "member";

pub const BUILT_IN_ROLES: &[BuiltInRole] = &[
    BuiltInRole { name: ADMIN, permissions: &[Permission::UsersCreate, Permission::UsersRead] },
    BuiltInRole { name: MEMBER, permissions: &[Permission::UsersRead] },
];

/// What one member may do in one account.
pub fn effective<'a>(owner: bool, account_admin: bool, roles: impl IntoIterator<Item = &'a str>) -> Permissions {
    if owner || account_admin {
        return Permissions::all();
    }
    roles
        .into_iter()
        .filter_map(|name| BUILT_IN_ROLES.iter().find(|role| role.name == name))
        .fold(Permissions::NONE, |set, role| set.union(role.permissions.iter().copied().collect()))
}

impl Actor {
    /// For pages, to leave out what would be refused.
    pub fn may(&self, permission: Permission) -> bool {
        self.account.is_some() && self.permissions.contains(permission)
    }
}
