//! Lock-outs that grow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mistake, mistake};

/// The most tiers.
pub const MAX_TIERS: usize = 10;

/// One step of a lock-out that grows. After the last one the user is locked out until somebody unlocks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockoutTier {
    /// After how many failures, counted from the first one ever and not from the tier before.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u32,
    /// For how long, in minutes.
    #[schemars(range(min = 1, max = 525_600))]
    pub duration: i64,
}

/// Failures are counted through all tiers: a tier that does not ask for more of them than the one before would never be reached.
pub(super) fn tier_mistakes(tiers: &[LockoutTier]) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (position, (before, tier)) in tiers.iter().zip(tiers.iter().skip(1)).enumerate() {
        if tier.attempts <= before.attempts {
            let path = format!("lockoutTiers[{}].attempts", position + 1);
            let problem =
                format!("must be more than the {} of the tier before: attempts are cumulative", before.attempts);
            found.push(mistake(path, problem));
        }
    }
    found
}
