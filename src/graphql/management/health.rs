//! How requests to others went, on the node that answers.

use async_graphql::{ComplexObject, Context, SimpleObject};

use super::applications::EnrichmentWebhook;
use crate::{
    catalog::foreign_keys::FetchCounters, graphql::request, operations::enrich::HookCounters,
    operations::mosaic_error::MosaicError,
};

/// How the calls of a webhook went on the node that answers, since it started.
#[derive(SimpleObject)]
pub(super) struct EnrichmentWebhookCalls {
    /// Calls that gave `extensions`.
    succeeded: u64,
    /// Calls that failed.
    failed: u64,
    /// Calls that were not made, because the webhook is dead or too slow.
    not_made: u64,
    /// Whether it is left alone at present, after several failures in a row.
    resting: bool,
}

impl From<HookCounters> for EnrichmentWebhookCalls {
    fn from(counters: HookCounters) -> Self {
        let HookCounters { succeeded, failed, not_made, resting } = counters;
        Self { succeeded, failed, not_made, resting }
    }
}

#[ComplexObject]
impl EnrichmentWebhook {
    /// How its calls went on the node that answers, since it started.
    async fn calls(&self, ctx: &Context<'_>) -> Result<Option<EnrichmentWebhookCalls>, MosaicError> {
        let context = &request::of(ctx)?.context;
        let counters = context.hook_calls.counters(&self.application_id, context.clock.now_millis());
        Ok(Some(counters.into()))
    }
}

/// How often the key set of a foreign issuer was fetched by the node that answers, since it was first asked for.
#[derive(SimpleObject)]
pub(super) struct KeySetFetches {
    /// Requests made.
    attempts: u64,
    /// Those that brought no key set.
    failures: u64,
    /// When one last did: seconds since 1970.
    last_success_at: Option<i64>,
}

impl From<FetchCounters> for KeySetFetches {
    fn from(counters: FetchCounters) -> Self {
        let FetchCounters { attempts, failures, last_success_at } = counters;
        Self { attempts, failures, last_success_at }
    }
}
