//! Signing in with a passkey, showing with one that it is still oneself, and registering one by a link. The script of the
//! pages carries the questions to the device and its answers back (WebAuthn Level 3 section 7).

use askama::Template;
use poem::http::StatusCode;
use poem::web::Path;
use poem::web::cookie::CookieJar;
use poem::{Response, handler};
use serde::Deserialize;
use webauthn_rs::prelude::{AuthenticationResult, PublicKeyCredential, RegisterPublicKeyCredential};

use super::device::Device;
use super::said::Said;
use super::script::{self, Sent};
use super::session::page_of_ours;
use super::{agent, render};
use crate::app::App;
use crate::auth::{self, Stranger, Visitor};
use crate::domain::passkeys;
use crate::domain::sessions::Holder;
use crate::domain::tokens::{Caller, Claims, Kind};
use crate::error::Result;
use crate::limits;
use crate::metrics::Way;

/// What every device is asked for that wants to sign somebody in. Nobody is named, and nothing is stored.
#[handler]
pub async fn ask_to_sign_in(app: App, stranger: Stranger) -> Result<Response> {
    let party = app.require_relying_party()?;
    // Whoever has one IPv6 address has a whole network of them, and counts once.
    let network = stranger.0.trace.address.as_deref().and_then(limits::network_of);
    let network = network.map(|network| network.to_string()).unwrap_or_default();
    let now = app.read(stranger.0, |r| Ok(r.now)).await?;
    Ok(script::answer(&party.begin_sign_in(&network, now)?))
}

/// A device's answer to it.
#[derive(Deserialize)]
struct Answer {
    ceremony: String,
    credential: PublicKeyCredential,
    /// The page to go on to.
    #[serde(default)]
    next: String,
}

#[handler]
pub async fn sign_in(
    app: App,
    stranger: Stranger,
    device: Device,
    jar: &CookieJar,
    sent: Sent<Answer>,
) -> Result<Response> {
    let tried = sign_in_with(&app, stranger, &sent.0).await;
    let session = app.metrics().sign_ins.note(Way::Passkey, tried)?;
    device.keep(&app, jar, &session)?;
    script::go_on(page_of_ours(&sent.0.next))
}

async fn sign_in_with(app: &App, Stranger(caller): Stranger, answer: &Answer) -> Result<Claims> {
    let (user_id, proof) = verify(app, &caller, answer).await?;
    app.write(caller, move |w| passkeys::sign_in(w, user_id, &proof)).await
}

/// Somebody who is signed in shows again that it is they.
#[handler]
pub async fn prove(
    app: App,
    visitor: Visitor,
    stranger: Stranger,
    jar: &CookieJar,
    sent: Sent<Answer>,
) -> Result<Response> {
    let (user_id, proof) = verify(&app, &stranger.0, &sent.0).await?;
    let claims = visitor.claims.clone();
    let session = app.write(visitor.to_complete(), move |w| passkeys::prove(w, user_id, &proof, &claims)).await?;
    jar.add(auth::session_cookie(&app, &session)?);
    script::go_on(page_of_ours(&sent.0.next))
}

/// Whose passkey answered, and the proof that they are there.
async fn verify(app: &App, caller: &Caller, answer: &Answer) -> Result<(i64, AuthenticationResult)> {
    let party = app.require_relying_party()?;
    let (handle, id) = party.identify(&answer.credential)?;
    let id = id.to_owned();
    let look = app.read(caller.clone(), move |r| Ok((passkeys::find_answering(r, handle, &id)?, r.now)));
    let (found, now) = look.await?;
    // Whatever comes of it, the question was answered.
    let asked = party.take_sign_in(&answer.ceremony, now)?;
    let (user_id, passkey) = found.ok_or_else(passkeys::unknown)?;
    Ok((user_id, party.verify(&answer.credential, asked, passkey)?))
}

#[derive(Template)]
#[template(path = "passkeys/link.html")]
struct LinkPage {
    server: String,
    holder: Holder,
    /// The link's own path.
    path: String,
    origin: String,
    device: String,
}

/// A link to register a passkey with; an invitation is one, too.
fn open_link(app: &App, token: &str) -> Result<Claims> {
    let claims = app.open_token(token)?;
    if claims.kind == Kind::Invitation { Ok(claims) } else { claims.of_kind(Kind::PasskeyLink) }
}

/// Looking at the link doesn't spend it.
#[handler]
pub async fn show_link(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let link = open_link(&app, &token)?;
    let origin = app.require_relying_party()?.origin().to_owned();
    let device = agent::name(stranger.0.trace.device.as_deref().unwrap_or_default()).unwrap_or_default();
    let holder = app.read(stranger.0, move |r| passkeys::find_link(r, &link)).await?;
    let (server, path) = (app.config().server_name.clone(), format!("/ui/passkey/{token}"));
    Ok(render(StatusCode::OK, &LinkPage { server, holder, path, origin, device }))
}

#[handler]
pub async fn ask_by_link(app: App, stranger: Stranger, Path(token): Path<String>) -> Result<Response> {
    let link = open_link(&app, &token)?;
    let party = app.require_relying_party()?;
    let key = link.id.clone();
    let (registrant, now) = app.write(stranger.0, move |w| Ok((passkeys::begin_by_link(w, &link)?, w.now))).await?;
    Ok(script::answer(&party.begin_registration(&key, &registrant, now)?))
}

/// A new passkey, as a device sends it.
#[derive(Deserialize)]
pub struct New {
    #[serde(default)]
    pub name: String,
    pub credential: RegisterPublicKeyCredential,
}

#[handler]
pub async fn create_by_link(
    app: App,
    stranger: Stranger,
    device: Device,
    jar: &CookieJar,
    Path(token): Path<String>,
    sent: Sent<New>,
) -> Result<Response> {
    let link = open_link(&app, &token)?;
    let New { name, credential } = sent.0;
    let party = app.require_relying_party()?;
    let looked_at = link.clone();
    let looked = app.read(stranger.0.clone(), move |r| passkeys::find_link(r, &looked_at).map(|_| r.now));
    let passkey = party.finish_registration(&link.id, &credential, looked.await?)?;
    let session = app.write(stranger.0, move |w| passkeys::create_by_link(w, &link, &name, &passkey)).await?;
    device.keep(&app, jar, &session)?;
    Ok(Said::PasskeyAdded.after(script::go_on("/ui/me")?))
}
