//! What the lists have in common.

/// How many things a page has: from 1 to a most, which is said when it is passed.
macro_rules! limit {
    ($name:ident, $default:literal, $most:literal, $things:literal) => {
        /// How many things a page has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub u32);

        impl $name {
            pub const MAX: u32 = $most;
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let limit = text.parse().ok().filter(|limit| (1..=Self::MAX).contains(limit));
                limit.map(Self).ok_or_else(|| format!("A page has 1 to {} {}.", Self::MAX, $things))
            }
        }
    };
}

pub(super) use limit;
