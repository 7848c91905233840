//! The fixed words for what an exchange can fail at.

use serde::{Serialize, Serializer};

/// A condition that an exchange has to meet. Most stand for one of the eight laws of [`exchange`](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// The rule names the client. A request of a client that no rule names fails at this too.
    Client,
    /// The client may use the grant.
    Grant,
    /// The rule is for subject tokens of that issuer.
    SubjectIssuer,
    /// The rule's own condition (`when`).
    When,
    /// Law 1: something of the life of everything that the new token depends on is left.
    Lifetime,
    /// Law 2.
    Scope,
    /// Law 3.
    Audience,
    /// Law 4: who acts stays visible, in a chain of bounded length.
    Act,
    /// Law 4 for tokens: the list of ancestors, by which revocation reaches the new one, is bounded.
    Lineage,
    /// Law 5.
    MayAct,
    /// Law 6: `cnf`.
    Binding,
    /// Law 7.
    Addressee,
    /// Law 8: the tokens can be used, and those behind them are in good standing.
    Standing,
}

impl Check {
    /// All of them.
    pub const ALL: [Check; 13] = [
        Check::Client,
        Check::Grant,
        Check::SubjectIssuer,
        Check::When,
        Check::Lifetime,
        Check::Scope,
        Check::Audience,
        Check::Act,
        Check::Lineage,
        Check::MayAct,
        Check::Binding,
        Check::Addressee,
        Check::Standing,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Check::Client => "client",
            Check::Grant => "grant",
            Check::SubjectIssuer => "subject_issuer",
            Check::When => "when",
            Check::Lifetime => "lifetime",
            Check::Scope => "scope",
            Check::Audience => "audience",
            Check::Act => "act",
            Check::Lineage => "lineage",
            Check::MayAct => "may_act",
            Check::Binding => "cnf",
            Check::Addressee => "addressee",
            Check::Standing => "standing",
        }
    }

    /// The law behind it, 1 to 8; `None` for what is a matter of the single rule.
    pub const fn law(self) -> Option<u8> {
        match self {
            Check::Client | Check::Grant | Check::SubjectIssuer | Check::When => None,
            Check::Lifetime => Some(1),
            Check::Scope => Some(2),
            Check::Audience => Some(3),
            Check::Act | Check::Lineage => Some(4),
            Check::MayAct => Some(5),
            Check::Binding => Some(6),
            Check::Addressee => Some(7),
            Check::Standing => Some(8),
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.as_str() == name)
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
