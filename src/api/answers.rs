//! The shapes that answers have in common: a thing, a new thing, a page of a list, nothing at all.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use serde::Serialize;

use super::json::{Json, Written};
use crate::clock::Timestamp;
use crate::domain::users::{self, User};

#[derive(ApiResponse)]
pub enum Found<T: Type + Serialize + Send> {
    /// As it is now
    #[oai(status = 200)]
    It(Json<T>),
}

impl<T: Type + Serialize + Send> Found<T> {
    pub fn it(thing: T) -> Self {
        Self::It(Json(thing))
    }
}

impl<T: Type + Serialize + Send> Found<Page<T>> {
    pub fn page(items: Vec<T>, next: Option<impl ToString>) -> Self {
        Self::it(Page { items, next_cursor: next.map(|cursor| cursor.to_string()) })
    }
}

impl<T: Type + Serialize + Send> Found<List<T>> {
    pub fn all(items: Vec<T>) -> Self {
        Self::it(List { items })
    }
}

#[derive(ApiResponse)]
pub enum FoundUser {
    /// The user, as they are now
    #[oai(status = 200)]
    User(
        Written<User>,
        /// Version of what is shown of the user; send it as `If-Match` to change just this one
        #[oai(header = "ETag")]
        String,
    ),
}

impl From<User> for FoundUser {
    fn from(user: User) -> Self {
        let json = user.to_json();
        let etag = users::etag(&json);
        Self::User(Written::new(json), etag)
    }
}

#[derive(ApiResponse)]
pub enum Made<T: Type + Serialize + Send> {
    /// Created
    #[oai(status = 201)]
    It(
        Json<T>,
        /// Address of what was created
        #[oai(header = "Location")]
        String,
    ),
}

impl<T: Type + Serialize + Send> Made<T> {
    pub fn at(location: String, thing: T) -> Self {
        Self::It(Json(thing), location)
    }
}

#[derive(ApiResponse)]
pub enum Done {
    /// Done
    #[oai(status = 204)]
    It,
}

/// What is done, whatever the rule returned.
impl From<()> for Done {
    fn from((): ()) -> Self {
        Self::It
    }
}

/// A new first token.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The token: a bearer token, and the last part of the link to the welcome page
    pub token: String,
    /// When it ends, unless its user sets a password earlier
    pub expires_at: Timestamp,
}

#[derive(ApiResponse)]
pub enum Invited {
    /// A new first token was issued
    #[oai(status = 201)]
    It(Json<Invitation>),
}

/// A link that works once.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Its address
    pub url: String,
    /// When it ends, unless it is used earlier
    pub expires_at: Timestamp,
}

#[derive(ApiResponse)]
pub enum Issued {
    /// A link was issued
    #[oai(status = 201)]
    It(Json<Link>),
}

/// A list that is short enough to be sent whole.
#[derive(Debug, Serialize)]
pub struct List<T> {
    items: Vec<T>,
}

/// One page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The schema of a list, named after what is in it: `UserPage`, `TeamList`.
macro_rules! list {
    ($type:ident, $description:literal, $($more:expr)?) => {
        impl<T: Type> Type for $type<T> {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                format!("{}{}", T::name(), stringify!($type)).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Reference(Self::name().into())
            }

            fn register(registry: &mut Registry) {
                T::register(registry);
                registry.create_schema::<Self, _>(Self::name().into(), |_| MetaSchema {
                    description: Some($description),
                    required: vec!["items"],
                    properties: vec![items::<T>(), $($more)?],
                    ..MetaSchema::new("object")
                });
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}

list!(List, "All there are.",);
list!(Page, "One page of a list.", next_cursor());

fn items<T: Type>() -> (&'static str, MetaSchemaRef) {
    let items = Some(Box::new(T::schema_ref()));
    ("items", MetaSchemaRef::Inline(Box::new(MetaSchema { items, ..MetaSchema::new("array") })))
}

fn next_cursor() -> (&'static str, MetaSchemaRef) {
    let description = Some("Send it as `cursor` to get the next page; left out on the last one");
    ("nextCursor", MetaSchemaRef::Inline(Box::new(MetaSchema { description, ..MetaSchema::new("string") })))
}
