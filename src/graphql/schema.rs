//! The two schemas, built once, and the limits that the executor keeps.

use std::{future::Future, pin::Pin};

use async_graphql::{EmptySubscription, ObjectType, Request, Response, Schema, SchemaBuilder, SubscriptionType};

use super::{
    auth::{AuthMutation, AuthQuery, DevAuthMutation},
    document::{MAX_DEPTH, MAX_DIRECTIVES, MAX_FIELDS, MAX_SELECTION_DEPTH},
    management::{DevManagementMutation, ManagementMutation, ManagementQuery},
};

/// A schema whose roots are of no interest: which operations exist is decided once, where it is built.
pub(super) trait ErasedSchema: Send + Sync {
    /// Executes a document that is within the limits of [`super::document`].
    fn execute(&self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + '_>>;

    /// The schema definition, as `docs/graphql/` has it.
    #[cfg(test)]
    fn definition(&self) -> String;
}

impl<Q, M, S> ErasedSchema for Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    fn execute(&self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + '_>> {
        Box::pin(Schema::execute(self, request))
    }

    #[cfg(test)]
    fn definition(&self) -> String {
        self.sdl()
    }
}

/// What `/graphql` offers.
pub(super) fn auth(dev_operations: bool) -> Box<dyn ErasedSchema> {
    let query = AuthQuery::new(dev_operations);
    if dev_operations {
        Box::new(limited(Schema::build(query, DevAuthMutation::default(), EmptySubscription)))
    } else {
        Box::new(limited(Schema::build(query, AuthMutation::default(), EmptySubscription)))
    }
}

/// What `/graphql-management` offers.
pub(super) fn management(dev_operations: bool) -> Box<dyn ErasedSchema> {
    let query = ManagementQuery::new(dev_operations);
    if dev_operations {
        Box::new(limited(Schema::build(query, DevManagementMutation::default(), EmptySubscription)))
    } else {
        Box::new(limited(Schema::build(query, ManagementMutation::default(), EmptySubscription)))
    }
}

/// The limits of [`super::document`] again, as the executor counts, and the one that only it can count: a field that
/// gives a list says in the schema what each of its items costs.
pub(super) fn limited<Q, M>(schema: SchemaBuilder<Q, M, EmptySubscription>) -> Schema<Q, M, EmptySubscription>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
{
    schema
        .limit_depth(MAX_DEPTH)
        .limit_recursive_depth(MAX_SELECTION_DEPTH)
        .limit_directives(MAX_DIRECTIVES)
        .limit_complexity(MAX_FIELDS)
        .finish()
}
