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

/// A permission somebody has, and all it comes from: `Owner`, `Account admin`, `Role member`.
pub struct Granted {
    pub permission: Permission,
    pub sources: Vec<String>,
}

/// Everything one member may do in one account, and why.
pub fn sources(owner: bool, account_admin: bool, roles: &[String]) -> Vec<Granted> {
    let granted = |permission: &Permission| {
        let mut sources = Vec::new();
        sources.extend(owner.then(|| "Owner".to_owned()));
        sources.extend(account_admin.then(|| "Account admin".to_owned()));
        let holds = |name: &&String| of_role(name).contains(*permission);
        sources.extend(roles.iter().filter(holds).map(|name| format!("Role {name}")));
        (!sources.is_empty()).then_some(Granted { permission: *permission, sources })
    };
    Permission::ALL.iter().filter_map(granted).collect()
}

/// What one member may do in one account.
pub fn effective<'a>(owner: bool, account_admin: bool, roles: impl IntoIterator<Item = &'a str>) -> Permissions {
    if owner || account_admin {
        return Permissions::all();
    }
    roles.into_iter().fold(Permissions::NONE, |set, name| set.union(of_role(name)))
}

/// What a role permits; nothing, if there is no such role.
fn of_role(name: &str) -> Permissions {
    let role = BUILT_IN_ROLES.iter().find(|role| role.name == name);
    role.into_iter().flat_map(|role| role.permissions).copied().collect()
}

impl Actor {
    /// For pages, to leave out what would be refused.
    pub fn may(&self, permission: Permission) -> bool {
        self.account.is_some() && self.permissions.contains(permission)
    }
}
