//! The errors an operation can answer with, one entry an outcome. Which operation has which follows from its shape, so
//! a new one needs no word here; the examples are real errors, so they read as the server's answers do.

use std::borrow::Cow;

use serde_json::Value;

use super::error;
use super::json::BODY_LIMIT;
use super::parameters;
use crate::error::Error;
use crate::limits::TOO_MANY_WITH_TOKEN;

/// What there is to know of an operation to tell what can go wrong in it.
pub struct Shape<'a> {
    /// Its `operationId`.
    pub id: &'a str,
    /// It asks for a token.
    pub secured: bool,
    /// It takes a body.
    pub body: bool,
    /// Its path names one thing, which may not be there.
    pub names_one: bool,
    /// It takes `If-Match`.
    pub guarded: bool,
    /// It takes `Idempotency-Key`.
    pub repeatable: bool,
}

pub struct Outcome {
    /// What it is called under `components/responses`.
    pub name: Cow<'static, str>,
    pub description: Cow<'static, str>,
    /// A header that every such answer has, and what it says.
    pub header: Option<(&'static str, &'static str)>,
    pub applies: Box<dyn Fn(&Shape) -> bool>,
    /// One of each kind; all have the same status.
    pub errors: Vec<Error>,
}

impl Outcome {
    pub fn status(&self) -> u16 {
        self.errors.first().map_or(500, Error::status)
    }

    /// Code and body of each kind.
    pub fn examples(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let body = |error| serde_json::to_value(error::body(error, REQUEST_ID)).unwrap_or_default();
        self.errors.iter().map(move |error| (error.code(), body(error)))
    }
}

/// A request ID as the examples show it.
pub const REQUEST_ID: &str = "6f0d5b7e2c914a38b1e4d7f09a52c683";

/// Operations that refuse nobody who has a token.
const OPEN_TO_ALL: [&str; 2] = ["listAccounts", "listPermissions"];

/// All of them, by status.
pub fn all() -> Vec<Outcome> {
    let mut outcomes = of_the_caller();
    outcomes.extend(of_the_request());
    outcomes.extend(of_what_is_there());
    outcomes.extend(of_the_server());
    outcomes.sort_by_key(Outcome::status);
    outcomes
}

fn of_the_caller() -> Vec<Outcome> {
    let token = |code, message: &'static str| Error::Unauthenticated(code, message.into());
    vec![
        Outcome {
            name: "Unauthorized".into(),
            description: "The token is missing or not honoured. Send one that is".into(),
            header: Some(("WWW-Authenticate", "Names the scheme, Bearer, and what is wrong with the token (RFC 6750)")),
            applies: Box::new(|shape| shape.secured),
            errors: vec![
                token("token_missing", "Send a token in the header `Authorization: Bearer {token}`."),
                token("token_invalid", "This token was not issued by this server. Check that it was copied whole."),
                token("token_expired", "This token has expired. Get a new one and try again."),
                token("token_revoked", "This token has been revoked. Get a new one and try again."),
                token("user_suspended", "This user is suspended. Ask an admin to make them active again."),
                token("no_account", "You are in no account of this server any more. Ask an admin to put you back."),
            ],
        },
        Outcome {
            name: "Forbidden".into(),
            description: "Not allowed in this account. An account that does not exist gets the same answer".into(),
            header: None,
            applies: Box::new(|shape| shape.secured && !OPEN_TO_ALL.contains(&shape.id)),
            errors: vec![Error::forbidden(
                "You have no access to this account, or it does not exist. Check the account ID.",
            )],
        },
    ]
}

fn of_the_request() -> Vec<Outcome> {
    const NONE: [&str; 0] = [];
    let account = "An account ID has 1 to 64 letters, digits, hyphens or underscores, like 2311.";
    let invalid = || Error::invalid("x-account-id", "invalid_parameter", account);
    let missing = || Error::invalid("x-account-id", "missing_parameter", "This is required and was not sent.");
    let malformed = "The body is not valid JSON: EOF while parsing an object at line 1 column 1.";
    let email = "This is not an e-mail address. Write it like name@example.com.";
    vec![
        Outcome {
            name: "BadParameter".into(),
            description: "A parameter can't be read or is not allowed".into(),
            header: None,
            applies: Box::new(|shape| !shape.body),
            errors: vec![invalid(), missing(), parameters::unknown("expand", &NONE), parameters::repeated("role")],
        },
        Outcome {
            name: "BadRequest".into(),
            description: format!(
                "A parameter or the body can't be read, or a value in it is not allowed. All that is wrong with the values \
                 is told at once, each with its field; `error` is the code of the first. Besides those of the examples \
                 there are `{}`",
                OF_VALUES.join("`, `")
            )
            .into(),
            header: None,
            applies: Box::new(|shape| shape.body),
            errors: vec![
                Error::invalid("email", "invalid_email", email),
                Error::invalid("", "missing_field", "Missing field `email`."),
                Error::invalid("", "malformed_json", malformed),
                invalid(),
                missing(),
                parameters::unknown("dryRun", &NONE),
            ],
        },
        Outcome {
            name: "NotFound".into(),
            description: "There is nothing with this ID in the account, or nothing you may see".into(),
            header: None,
            applies: Box::new(|shape| shape.names_one),
            errors: vec![Error::not_found("There is no user 42 in this account.")],
        },
        Outcome {
            name: "PreconditionFailed".into(),
            description: "It has changed since the version that `If-Match` names. Nothing was done".into(),
            header: None,
            applies: Box::new(|shape| shape.guarded),
            errors: vec![Error::Changed(
                "That is not the current version of this user, which was changed last by ada@example.com.".into(),
            )],
        },
        Outcome {
            name: "KeyReused".into(),
            description: "The key was sent with another request before".into(),
            header: None,
            applies: Box::new(|shape| shape.repeatable),
            errors: vec![Error::KeyReused],
        },
        Outcome {
            name: "PayloadTooLarge".into(),
            description: "The body is larger than is accepted".into(),
            header: None,
            applies: Box::new(|shape| shape.body),
            errors: vec![Error::TooLarge(BODY_LIMIT)],
        },
        Outcome {
            name: "UnsupportedMediaType".into(),
            description: "The body is not sent as JSON".into(),
            header: None,
            applies: Box::new(|shape| shape.body),
            errors: vec![Error::UnsupportedMediaType("`text/plain`".into())],
        },
    ]
}

/// Codes of what can't be read or is not allowed, as far as no example has them.
pub const OF_VALUES: [&str; 30] = [
    "duplicate_delivery",
    "duplicate_field",
    "duplicate_preference",
    "email_missing",
    "email_too_long",
    "event_mismatch",
    "invalid_account_id",
    "invalid_changes",
    "invalid_expiry",
    "invalid_img_src",
    "invalid_name",
    "invalid_phone",
    "invalid_request",
    "invalid_role_name",
    "invalid_type",
    "invalid_value",
    "name_missing",
    "name_too_long",
    "not_confirmed",
    "not_in_account",
    "repeated_parameter",
    "team_inactive",
    "too_many",
    "unknown_delivery",
    "unknown_event",
    "unknown_field",
    "unknown_permission",
    "unknown_role",
    "unknown_team",
    "unknown_user",
];

/// What an operation can collide with, and the message of each. Only these operations answer 409.
const CONFLICTS: &[(&str, &[&str])] = &[
    ("createUser", &["email_taken", "already_invited", "in_recycle_bin"]),
    ("updateUser", &["email_in_use", "pending"]),
    ("deleteUser", &["last_admin"]),
    ("suspendUser", &["yourself", "pending", "last_admin"]),
    ("reactivateUser", &["pending"]),
    ("askForNewPassword", &["no_password", "pending"]),
    ("resetPassword", &["pending", "suspended", "in_other_accounts"]),
    ("letKeepPassword", &["pending"]),
    ("inviteUser", &["invited", "pending_elsewhere", "password_set", "passkey_set", "in_other_accounts"]),
    ("setNotificationPreferences", &["pending"]),
    ("makeOwner", &["in_no_account"]),
    ("unmakeOwner", &["last_owner"]),
    ("updateMembership", &["last_admin"]),
    ("moveUser", &["already_in_account", "last_admin"]),
    ("updateMe", &["email_in_use"]),
    ("leaveAccount", &["own_last_admin"]),
    ("deleteMyPasskey", &["only_passkey"]),
    ("deleteUserPasskey", &["only_passkey"]),
    ("sendPasskeyLink", &["own_passkey", "suspended", "in_other_accounts", "no_passkeys"]),
    ("createAccount", &["account_exists"]),
    ("createApiKey", &["too_many_keys"]),
    ("createTeam", &["team_exists", "too_many_teams"]),
    ("updateTeam", &["team_exists"]),
    ("createRole", &["role_exists", "too_many_roles"]),
    ("updateRole", &["role_built_in"]),
    ("deleteRole", &["role_built_in"]),
];

fn of_what_is_there() -> Vec<Outcome> {
    let outcome = |(id, kinds): &(&'static str, &'static [&'static str])| {
        let (first, rest) = id.split_at(1);
        let id = *id;
        Outcome {
            name: format!("{}{rest}Conflict", first.to_ascii_uppercase()).into(),
            description: "It collides with what is there already, which the message names".into(),
            header: None,
            applies: Box::new(move |shape| shape.id == id),
            errors: kinds.iter().map(|kind| conflict(kind)).collect(),
        }
    };
    CONFLICTS.iter().map(outcome).collect()
}

fn conflict(kind: &str) -> Error {
    let (code, message) = match kind {
        "email_taken" => ("email_taken", "grace@example.com is in this account already, as user 2."),
        "email_in_use" => ("email_taken", "The e-mail grace@example.com is in use on this server."),
        "already_invited" => ("already_invited", "grace@example.com was invited to this account already, as user 2."),
        "in_recycle_bin" => (
            "in_recycle_bin",
            "grace@example.com was taken out of this account on 23 November 2026, as user 2. Put them back from its \
             recycle bin.",
        ),
        "pending" => ("pending", "They haven't accepted the invitation to this account yet."),
        "pending_elsewhere" => ("pending", "They sign in with what they have, and accept then."),
        "last_admin" => ("last_admin", "They are the last admin of account 2311. Make somebody else its admin first."),
        "own_last_admin" => {
            ("last_admin", "You are the last admin of account 2311. Make somebody else its admin first.")
        }
        "last_owner" => ("last_owner", "You are the last owner of this server. Make somebody else an owner first."),
        "yourself" => ("yourself", "You can't suspend yourself."),
        "invited" => ("yourself", "You are in already. `rollcall link --email` signs you in anew."),
        "no_password" => ("no_password", "They have no password that they could change."),
        "password_set" => {
            ("password_set", "They have a password already. `rollcall link --email` lets in who has lost it.")
        }
        "passkey_set" => ("passkey_set", "They have a passkey already. A passkey link lets in who has lost it."),
        "only_passkey" => {
            ("only_passkey", "It is all you can sign in with. Set a password or add another passkey first.")
        }
        "own_passkey" => ("yourself", "Add a passkey of your own on your own page."),
        "suspended" => ("suspended", "They are suspended. Make them active first."),
        "no_passkeys" => (
            "no_passkeys",
            "This server is reached at an address that can't have passkeys: they need a name and https. Whoever runs it can \
             set one with --public-url.",
        ),
        "in_other_accounts" => (
            "in_other_accounts",
            "They sign in with what they have: they are in other accounts too, or can be put back into one.",
        ),
        "already_in_account" => ("already_in_account", "They are in that account already, or in its recycle bin."),
        "in_no_account" => ("in_no_account", "They are in no account."),
        "too_many_keys" => (
            "too_many",
            "There are 100 API keys of yours in this account already, and no more are made. Delete some first.",
        ),
        "too_many_teams" => {
            ("too_many", "There are 1000 teams in this account already, and no more are made. Delete some first.")
        }
        "too_many_roles" => {
            ("too_many", "There are 1000 roles in this account already, and no more are made. Delete some first.")
        }
        "account_exists" => ("account_exists", "There is an account 2311 already."),
        "team_exists" => ("team_exists", "There is a team Support already."),
        "role_exists" => ("role_exists", "There is a role lead-reader already."),
        _ => ("role_built_in", "The role member is built in: every account has it as it is. Make one of your own."),
    };
    Error::Conflict(code, message.into())
}

fn of_the_server() -> Vec<Outcome> {
    vec![
        Outcome {
            name: "TooManyRequests".into(),
            description:
                "Too many requests with this token, or from this address. Nothing was done. What is left is in \
                          `RateLimit` of every answer"
                    .into(),
            header: Some(("Retry-After", "Seconds after which one more request is allowed")),
            applies: Box::new(|_| true),
            errors: vec![Error::TooManyRequests(1, TOO_MANY_WITH_TOKEN.into())],
        },
        Outcome {
            name: "InternalError".into(),
            description: "A fault of the server. Nothing was changed".into(),
            header: None,
            applies: Box::new(|_| true),
            errors: vec![Error::internal("")],
        },
        Outcome {
            name: "StorageUnavailable".into(),
            description: "The server can't store anything just now, or has too much to do. Nothing was changed".into(),
            header: Some(("Retry-After", "Seconds after which trying again makes sense")),
            applies: Box::new(|_| true),
            errors: vec![Error::Unavailable(String::new()), Error::Damaged(String::new()), Error::Overloaded(1)],
        },
    ]
}
