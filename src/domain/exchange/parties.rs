//! Law 4: who acts in the new token, and which tokens it comes from.

use super::{Check, Presented, Refused};
use crate::{
    domain::{
        ancestry::AncestorFacts,
        claims::MAX_ANCESTORS,
        client::Client,
        party::{Actor, PartyIdentity},
        subject::SubjectToken,
    },
    oauth::error::Problem,
};

/// Who acts: the party of the actor token, or the calling client itself.
pub(super) fn acting_party<'a>(client: &'a Client, actor: Option<Presented<'a>>, issuer: &'a str) -> PartyIdentity<'a> {
    match actor {
        Some(Presented { token, .. }) => {
            PartyIdentity { iss: &token.iss, sub: &token.sub, client_id: &token.client_id }
        }
        None => PartyIdentity { iss: issuer, sub: &client.id, client_id: &client.id },
    }
}

/// Law 4: the acting party outermost, over the subject's chain.
pub(super) fn chain(
    client: &Client,
    subject: &SubjectToken,
    actor: Option<Presented<'_>>,
    issuer: &str,
) -> Result<Actor, Refused> {
    let party = acting_party(client, actor, issuer);
    Actor::new(party.iss, party.sub)
        .over(subject.act.clone())
        .map_err(|error| Refused::new(Problem::SubjectTokenRefused, Check::Act, error.to_string()))
}

/// The ancestors of the new token, root first; `None` beyond [`MAX_ANCESTORS`].
///
/// The actor token is one of them: what came from it must die with it.
pub(super) fn lineage(subject: &SubjectToken, actor: Option<&SubjectToken>) -> Option<Vec<String>> {
    let mut lineage = subject.anc.clone();
    // There is no token where a client vouches for a user by name.
    if !subject.jti.is_empty() {
        lineage.push(subject.jti.clone());
    }
    if let Some(actor) = actor {
        for ancestor in actor.anc.iter().chain([&actor.jti]) {
            if !lineage.contains(ancestor) {
                lineage.push(ancestor.clone());
            }
        }
    }
    (lineage.len() <= MAX_ANCESTORS).then_some(lineage)
}

/// What the ancestors of the new token were.
pub(super) fn facts(subject: &SubjectToken, actor: Option<&SubjectToken>) -> AncestorFacts {
    let mut facts = AncestorFacts::of(subject);
    if let Some(actor) = actor {
        facts.add(actor);
    }
    facts
}
