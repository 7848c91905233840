//! Our scopes and those of oxide-auth.
//!
//! Theirs is a hash set: it compares well, but two prints of the same scope differ. So the order always comes from ours.

use oxide_auth::primitives::scope::{ParseScopeErr, Scope as OxideScope};

use crate::oauth::scope::Scope;

/// Theirs, with the tokens of ours.
///
/// # Errors
/// None for a [`Scope`], which has passed the same grammar; the type is that of their parser.
pub fn to_oxide(scope: &Scope) -> Result<OxideScope, ParseScopeErr> {
    scope.to_string().parse()
}

/// Ours, with the tokens of theirs in the order of `order`. `None` if theirs has a token that `order` lacks: it would
/// be lost, and what is signed would not be what was decided.
pub fn from_oxide(scope: &OxideScope, order: &Scope) -> Option<Scope> {
    if scope.iter().any(|token| !order.contains(token)) {
        return None;
    }
    let granted: Vec<&str> = scope.iter().collect();
    Scope::from_tokens(order.iter().filter(|token| granted.contains(token))).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).expect("a well-formed scope")
    }

    #[test]
    fn the_order_is_that_of_ours() {
        let theirs: OxideScope = "a b c d e f".parse().expect("well-formed");
        assert_eq!(from_oxide(&theirs, &scope("f b a x d c e")).expect("all known").to_string(), "f b a d c e");
    }

    #[test]
    fn a_token_is_never_lost() {
        let theirs: OxideScope = "a b".parse().expect("well-formed");
        assert_eq!(from_oxide(&theirs, &scope("a")), None);
    }

    proptest! {
        #[test]
        fn every_scope_of_ours_survives_the_way_there_and_back(text in "[ !#-\\[\\]-~]{0,60}") {
            let ours = scope(&text);
            let theirs = to_oxide(&ours).expect("the grammar is the same");
            prop_assert_eq!(from_oxide(&theirs, &ours), Some(ours));
        }
    }
}
