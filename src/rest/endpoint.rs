//! What an operation is, and its row in the table.

use std::{future::Future, pin::Pin};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::answer::ErrorShape;
use crate::{
    audit::Event,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
    },
};

/// The methods of HTTP that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A parameter of the URL. It may be left out.
#[derive(Debug, Clone, Copy)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
}

/// What is recorded of an operation: when it is done, and when it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// It was done.
    pub done: Event,
    /// It was refused, or could not be done.
    pub refused: Event,
}

/// An operation of the API. Its doc comment is for readers of the code; `SUMMARY` is for its users.
pub trait Operation {
    /// How it is called.
    const METHOD: Method;
    /// Where, below the issuer; `{name}` for a part that is not fixed.
    const PATH: &'static str;
    /// The `operationId`; also names it in the record.
    const ID: &'static str;
    /// What it does, in one line.
    const SUMMARY: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// The status of an answer.
    const SUCCESS: u16 = 200;
    /// The refusals that are its own, beside those that any operation has.
    const ERRORS: &'static [ApiCode] = &[];
    /// Further refusals, shared with others.
    const SHARED_ERRORS: &'static [ApiCode] = &[];
    /// How its refusals look.
    const SHAPE: ErrorShape = ErrorShape::Symbol;
    /// What is recorded of it; nothing of those that only read.
    const EVENTS: Option<Events>;
    /// The parameters of its URL.
    const QUERY: &'static [QueryParameter] = &[];
    /// Whether it reads forms too (`application/x-www-form-urlencoded`).
    const READS_FORMS: bool = false;

    /// What it reads; [`NoBody`] where it reads none.
    type Body: DeserializeOwned + JsonSchema;
    /// What it answers; [`NoContent`] where that is nothing.
    type Answer: Serialize + JsonSchema;

    /// Does it.
    ///
    /// # Errors
    /// One of those that are declared.
    fn run(call: &mut Call, body: Self::Body) -> impl Future<Output = Result<Self::Answer, ApiError>>;
}

/// Of operations that read no body; whatever is sent is left alone.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NoBody {}

/// Of operations that answer with nothing but a status.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NoContent {}

/// An operation under way.
pub(super) type Running<'c> = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + 'c>>;

/// An operation as a row of the table.
pub struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    pub(super) success: u16,
    pub(super) errors: [&'static [ApiCode]; 2],
    pub(super) shape: ErrorShape,
    pub(super) events: Option<Events>,
    pub(super) query: &'static [QueryParameter],
    pub(super) reads_forms: bool,
    pub(super) body: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(super) answer: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(super) run: for<'c> fn(&'c mut Call, Value) -> Running<'c>,
}

impl Endpoint {
    /// The row of `T`.
    pub const fn of<T: Operation>() -> Self {
        Self {
            method: T::METHOD,
            path: T::PATH,
            id: T::ID,
            summary: T::SUMMARY,
            access: T::ACCESS,
            success: T::SUCCESS,
            errors: [T::ERRORS, T::SHARED_ERRORS],
            shape: T::SHAPE,
            events: T::EVENTS,
            query: T::QUERY,
            reads_forms: T::READS_FORMS,
            body: schema::<T::Body>,
            answer: schema::<T::Answer>,
            run: run::<T>,
        }
    }

    /// Every refusal that it may answer with.
    pub(super) fn refusals(&self) -> impl Iterator<Item = ApiCode> {
        let of_callers: &[ApiCode] = if self.access == Access::Public { &[] } else { ApiCode::OF_CALLERS };
        let own = self.errors.into_iter().flatten();
        own.chain(of_callers).chain(ApiCode::OF_ALL).copied()
    }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Option<Schema> {
    let is_nothing = [NoBody::schema_name(), NoContent::schema_name()].contains(&T::schema_name());
    (!is_nothing).then(|| generator.subschema_for::<T>())
}

fn run<T: Operation>(call: &mut Call, body: Value) -> Running<'_> {
    Box::pin(async move {
        // The schema was asked before; what gets here and cannot be read was described wrongly.
        let body = serde_json::from_value(body).map_err(|error| ApiError::new(ApiCode::InvalidInput, cut(&error)))?;
        let answer = T::run(call, body).await?;
        serde_json::to_value(answer)
            .map_err(|error| ApiError::from(ApiCode::ServerError).with_detail(format!("the answer: {error}")))
    })
}

/// The longest part of a message that quotes the request, in characters.
const MAX_MESSAGE: usize = 200;

/// A message about the request, for whoever sent it. It may quote what was sent, and is cut for that.
pub(super) fn cut(message: &impl ToString) -> String {
    message.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}
