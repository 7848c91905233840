//! One call of the backend authentication API: who calls, and what the record will say.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::error::{ApiCode, ApiError};
use crate::{
    audit::AuditRecord,
    catalog::environment::EnvironmentSnapshot,
    domain::{
        application::Application, claims::SubjectType, client::Client, permission::BACKEND_SERVICE,
        subject::SubjectToken, trace::Trace,
    },
    operations::{caller::Caller, context::Context},
};

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A service account whose token has one of these permissions of [`BACKEND_SERVICE`].
    Client(&'static [&'static str]),
    /// A user, with the access token of a sign-in.
    User,
    /// Anybody: browsers.
    Public,
}

/// A call that was let in.
pub struct Call {
    /// What the operations work with.
    pub context: Context,
    /// Where it is about.
    pub environment: Arc<EnvironmentSnapshot>,
    /// What will be recorded of it: operations fill in whom it is about.
    pub record: AuditRecord,
    /// Names it in the log and in the answer.
    pub request_id: String,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// The caller's address: a backend's, or a browser's where those call.
    pub client_address: Option<IpAddr>,
    caller: CallerKind,
    path: HashMap<String, String>,
    query: Vec<(String, String)>,
}

enum CallerKind {
    Client { client: Arc<Client>, caller: Caller },
    User(Caller),
    Nobody,
}

/// What a call comes with, besides its body.
pub struct Incoming {
    /// The values of all `Authorization` headers.
    pub authorization: Vec<Vec<u8>>,
    /// The parts of the path that are not fixed, decoded.
    pub path: HashMap<String, String>,
    /// The parameters of the URL.
    pub query: Vec<(String, String)>,
    /// Names it in the log and in the answer.
    pub request_id: String,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// The caller's address.
    pub client_address: Option<IpAddr>,
}

impl Call {
    /// Lets a call in, if whoever makes it has `access`. `record` is what will be recorded, whether it is let in or not.
    ///
    /// # Errors
    /// [`ApiCode::Unauthorized`] or [`ApiCode::Forbidden`], and then the record comes back; or the database failed.
    pub async fn admit(
        context: Context,
        environment: Arc<EnvironmentSnapshot>,
        access: Access,
        incoming: Incoming,
        mut record: AuditRecord,
    ) -> Result<Self, Box<(AuditRecord, ApiError)>> {
        let caller = match caller(&context, &environment, access, &incoming.authorization, &mut record).await {
            Ok(caller) => caller,
            Err(error) => return Err(Box::new((record, error))),
        };
        let Incoming { path, query, request_id, trace, client_address, .. } = incoming;
        Ok(Self { context, environment, record, request_id, trace, client_address, caller, path, query })
    }

    /// The service account that calls.
    ///
    /// # Errors
    /// None does; the operation is not declared for clients.
    pub fn client(&self) -> Result<&Arc<Client>, ApiError> {
        match &self.caller {
            CallerKind::Client { client, .. } => Ok(client),
            _ => Err(ApiError::from(ApiCode::ServerError).with_detail("not an operation for clients")),
        }
    }

    /// Whether the service account that calls has that permission too.
    pub fn may(&self, permission: &str) -> bool {
        match &self.caller {
            CallerKind::Client { caller, .. } => caller.require(BACKEND_SERVICE, permission).is_ok(),
            _ => false,
        }
    }

    /// The claims of the access token of the user who calls.
    ///
    /// # Errors
    /// None does; the operation is not declared for users.
    pub fn user_token(&self) -> Result<&SubjectToken, ApiError> {
        match &self.caller {
            CallerKind::User(caller) => Ok(caller.token()),
            _ => Err(ApiError::from(ApiCode::ServerError).with_detail("not an operation for users")),
        }
    }

    /// The application that the call is about: that of the client, or the one that the user signed in to.
    ///
    /// # Errors
    /// [`ApiCode::AppNotFound`]: there is none, or it is disabled.
    pub fn application(&self) -> Result<&Application, ApiError> {
        let found = match &self.caller {
            CallerKind::Client { client, .. } => application_of(&self.environment, client),
            CallerKind::User(caller) => {
                let id = caller.token().application_id.as_deref();
                id.and_then(|id| self.environment.applications.get(id)).filter(|one| one.enabled)
            }
            CallerKind::Nobody => None,
        };
        found.ok_or_else(|| ApiCode::AppNotFound.into())
    }

    /// A part of the path, by its name.
    ///
    /// # Errors
    /// It is not one that anything can be called by.
    pub fn path(&self, name: &str) -> Result<&str, ApiError> {
        let value = self.path.get(name).map(String::as_str);
        let fits = |value: &&str| crate::domain::user::is_text(value, MAX_PATH_PART);
        value.filter(fits).ok_or_else(|| ApiError::new(ApiCode::InvalidInput, format!("{name} in the path is invalid")))
    }

    /// A parameter of the URL; the first of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.context.clock.now()
    }

    /// The UUID of the environment.
    pub fn environment_id(&self) -> &str {
        &self.environment.environment.id
    }
}

/// The longest part of a path, in bytes: ids of passkeys are the longest.
const MAX_PATH_PART: usize = 1400;

/// The enabled application whose backend `client` is.
pub fn application_of<'e>(environment: &'e EnvironmentSnapshot, client: &Client) -> Option<&'e Application> {
    let name = client.sign_in.application.as_ref()?;
    environment.applications.values().find(|application| application.name == *name && application.enabled)
}

async fn caller(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    access: Access,
    authorization: &[Vec<u8>],
    record: &mut AuditRecord,
) -> Result<CallerKind, ApiError> {
    if access == Access::Public {
        crate::operations::caller::check_active(environment)?;
        return Ok(CallerKind::Nobody);
    }
    let caller = Caller::authenticate(context, environment, authorization).await?;
    record.authenticated_as(caller.token().client_id.clone());
    match access {
        Access::Client(permissions) => {
            require_one(&caller, permissions)?;
            let client = service_account(context, environment, caller.token()).await?;
            Ok(CallerKind::Client { client, caller })
        }
        Access::User | Access::Public => {
            caller.require_user(BACKEND_SERVICE)?;
            record.subject = Some(caller.token().sub.clone());
            record.application_id.clone_from(&caller.token().application_id);
            Ok(CallerKind::User(caller))
        }
    }
}

/// The refusal is that of the first: the one that is meant for the operation.
fn require_one(caller: &Caller, permissions: &[&str]) -> Result<(), ApiError> {
    let mut refusal = None;
    for key in permissions {
        match caller.require(BACKEND_SERVICE, key) {
            Ok(()) => return Ok(()),
            Err(error) => _ = refusal.get_or_insert(error),
        }
    }
    Err(refusal.map_or_else(|| ApiCode::Forbidden.into(), ApiError::from))
}

/// Its own client: that of a managed service of another environment is none here.
async fn service_account(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: &SubjectToken,
) -> Result<Arc<Client>, ApiError> {
    let refused = |why: &str| ApiError::new(ApiCode::Forbidden, why).with_detail(why);
    if token.subject_type != Some(SubjectType::ServiceAccount) {
        return Err(refused("The access token is not that of a service account"));
    }
    let client = context.client(environment, &token.sub).await?;
    client.filter(|client| client.enabled).ok_or_else(|| refused("The service account is gone or disabled"))
}
