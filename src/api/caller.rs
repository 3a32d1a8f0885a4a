//! Who is calling, in a handler's arguments: anybody with a token, or somebody inside the account the request names.

use poem::{Request, RequestBody};
use poem_openapi::auth::Bearer;
use poem_openapi::param::Header;
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, SecurityScheme};

use super::parameters;
use crate::auth;
use crate::domain::fields::AccountId;
use crate::domain::tokens::Caller;

/// A token from `rollcall token`, `rollcall init`, `POST /api-keys` or the answer to `POST /users`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearerAuth", bearer_format = "PASETO", checker = "check")]
pub struct Token(pub Caller);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    let caller = auth::bearer(request, &bearer.token)?;
    // Every operation asks for a token, and who has none hears of that first.
    parameters::require_readable(request)?;
    parameters::require_known(request)?;
    Ok(caller)
}

impl Token {
    /// The caller, inside an account.
    pub fn within(self, account: AccountId) -> Caller {
        self.perhaps_within(Some(account))
    }

    pub fn perhaps_within(self, account: Option<AccountId>) -> Caller {
        Caller { account, ..self.0 }
    }
}

/// The token and the required `x-account-id` in one: the caller, inside the account of the request.
pub struct Inside(pub Caller);

/// The header, as poem-openapi reads one.
type Account = Header<AccountId>;

impl<'a> ApiExtractor<'a> for Inside {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme, ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = AccountId;
    type ParamRawType = AccountId;

    fn register(registry: &mut Registry) {
        Token::register(registry);
        Account::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Token::security_schemes()
    }

    fn param_in() -> Option<MetaParamIn> {
        Account::param_in()
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Account::param_schema_ref()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<AccountId>,
    ) -> poem::Result<Self> {
        let token = Token::from_request(request, body, ExtractParamOptions::default()).await?;
        let account = Account::from_request(request, body, options).await?;
        Ok(Self(token.within(account.0)))
    }
}
