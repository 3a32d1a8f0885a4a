//! Teaches poem-openapi the types of ours that travel as a single JSON string or number.

use std::borrow::Cow;
use std::str::FromStr;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::events;
use crate::domain::fields::{AccountId, EmailText};
use crate::domain::idempotency::Key;
use crate::domain::users::{self, Cursor, Sort, SortBy};

/// Where a page of events starts.
#[derive(Clone, Copy, Debug)]
pub struct Position(pub events::Cursor);

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "This is not a cursor of this list. Use nextCursor as it was given.")
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! scalar {
    ($type:ty, $schema:expr) => {
        impl Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromParameter for $type {
            fn parse_from_parameter(value: &str) -> ParseResult<Self> {
                Self::from_str(value).map_err(ParseError::custom)
            }
        }

        impl ParseFromJSON for $type {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                match value {
                    Some(Value::String(text)) => Self::parse_from_parameter(&text),
                    Some(value) => Err(ParseError::expected_type(value)),
                    None => Err(ParseError::expected_input()),
                }
            }
        }

        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                Some(Value::String(self.to_string()))
            }
        }
    };
}

scalar!(
    Timestamp,
    MetaSchema {
        example: Some("2026-11-23T08:38:19.000Z".into()),
        ..MetaSchema::new_with_format("string", "date-time")
    }
);
scalar!(
    EmailText,
    MetaSchema {
        max_length: Some(crate::domain::fields::EMAIL_MAX),
        example: Some("ada@example.com".into()),
        ..MetaSchema::new_with_format("string", "email")
    }
);
scalar!(AccountId, MetaSchema::new("string"));
scalar!(Cursor, MetaSchema::new("string"));
scalar!(Position, MetaSchema::new("string"));
scalar!(Key, MetaSchema { min_length: Some(1), max_length: Some(255), ..MetaSchema::new("string") });

macro_rules! limit {
    ($type:ty) => {
        scalar!(
            $type,
            MetaSchema {
                minimum: Some(1.0),
                maximum: Some(f64::from(<$type>::MAX)),
                default: Some(<$type>::default().0.into()),
                ..MetaSchema::new_with_format("integer", "int32")
            }
        );
    };
}

limit!(users::Limit);
limit!(events::Limit);
scalar!(
    Sort,
    MetaSchema {
        enum_items: SortBy::ALL.iter().flat_map(|by| [by.name().into(), format!("-{}", by.name()).into()]).collect(),
        default: Some(Sort::default().to_string().into()),
        ..MetaSchema::new("string")
    }
);
