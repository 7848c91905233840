//! The law of lineage, on random trees of exchanges: a token is refused if and only if it, or one that it came of, is revoked.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*, sample::Index};
use serde_json::Map;
use tessera::{
    catalog::revocations::Revocations,
    domain::{
        ancestry::AncestorFacts,
        claims::SubjectType,
        client::{Access, Client, ClientKind, ClientSignIn, ExchangeError, Permissions},
        environment::{ResourceServer, ScopeClaim, TokenProfile, TokenTyp},
        exchange::{ExchangeRequest, Granted, Policy, Presented, Refused, Standing, decide},
        revocation::{Revocation, RevocationKind},
        rule::{ClaimRules, Enforcement, ExchangeMode, ExchangeRule, ISSUER_SELF, SubjectMatch},
        subject::SubjectToken,
    },
    oauth::{error::Problem, grant_type::GrantType, scope::Scope},
};

const ISSUER: &str = "https://issuer.example";
const NOW: i64 = 1_800_000_000;
const CLIENTS: [&str; 3] = ["bff", "worker", "reports"];

fn client(id: &str) -> Client {
    Client {
        name: id.to_owned(),
        id: id.to_owned(),
        kind: ClientKind::ServiceAccount,
        enabled: true,
        grants: vec![GrantType::TokenExchange],
        access: vec![Access {
            audience: "api".to_owned(),
            scopes: Scope::parse("all").expect("a scope"),
            default_scopes: None,
        }],
        permissions: Permissions::new(),
        exchange_error: ExchangeError::InvalidRequest,
        secrets: Vec::new(),
        sign_in: ClientSignIn::default(),
    }
}

fn server() -> ResourceServer {
    ResourceServer {
        audience: "api".to_owned(),
        scopes: Scope::parse("all").expect("a scope"),
        scope_claim: ScopeClaim::String,
        max_lifetime: None,
        clients: CLIENTS.map(str::to_owned).to_vec(),
        token_profile: TokenProfile::Rfc9068,
        signing_alg: None,
        token_typ: TokenTyp::AccessToken,
        enabled: true,
    }
}

/// Every client may exchange every token, and does so by impersonation where that would drop nobody.
fn rules() -> Vec<ExchangeRule> {
    let rule = |id: &&str, mode| ExchangeRule {
        name: format!("{id} {mode:?}"),
        client: (*id).to_owned(),
        subject: SubjectMatch { issuer: ISSUER_SELF.to_owned(), audience: None },
        audience: vec!["api".to_owned()],
        mode,
        pass_scopes: Scope::parse("all").expect("a scope"),
        grant_scopes: Scope::empty(),
        claims: ClaimRules::default(),
        max_lifetime: None,
        when: None,
        refresh: false,
        refresh_lifetime: None,
        mode_of_enforcement: Enforcement::Enforce,
    };
    let modes = [ExchangeMode::Impersonation, ExchangeMode::Delegation];
    CLIENTS.iter().flat_map(|id| modes.map(|mode| rule(id, mode))).collect()
}

fn exchange(
    client: &Client,
    subject: (&SubjectToken, Standing),
    actor: Option<&SubjectToken>,
) -> Result<Granted, Refused> {
    let (rules, servers) = (rules(), [server()]);
    let policy = Policy { issuer: ISSUER, rules: &rules, resource_servers: &servers, lifetime: 3600, now: NOW };
    let presented = |token, standing| Presented { token, origin: ISSUER_SELF, standing };
    decide(
        client,
        presented(subject.0, subject.1),
        actor.map(|token| presented(token, Standing::Good)),
        ExchangeRequest {
            targets: &["api".to_owned()],
            scope: None,
            requested_token_type: None,
            grant_type: GrantType::TokenExchange,
        },
        &policy,
    )
}

fn token(jti: String, client_id: &str, sub: &str) -> SubjectToken {
    SubjectToken {
        iss: ISSUER.to_owned(),
        sub: sub.to_owned(),
        aud: vec!["api".to_owned()],
        client_id: client_id.to_owned(),
        jti,
        exp: NOW + 3600,
        iat: NOW - 60,
        nbf: None,
        scope: Scope::parse("all").expect("a scope"),
        act: None,
        may_act: None,
        anc: Vec::new(),
        anc_facts: AncestorFacts::default(),
        kid: Some("key".to_owned()),
        cnf: None,
        subject_type: Some(SubjectType::EndUserAccount),
        application_id: None,
        profile_id: None,
        other: Map::new(),
    }
}

/// The session that a token of this number begins.
fn session(number: usize) -> Map<String, serde_json::Value> {
    Map::from_iter([("sid".to_owned(), format!("session-{number}").into())])
}

/// Every other user is kept here, and so has a profile.
fn profile(number: usize) -> Option<(String, serde_json::Value)> {
    number.is_multiple_of(2).then(|| ("profileId".to_owned(), format!("profile-{number}").into()))
}

/// One exchange: by which client, of which of the tokens so far, with which of the tokens that may be its actor token, and whether the
/// new token begins a session of its own.
type Step = (usize, Index, Option<Index>, bool);

/// Tokens, and for each the numbers of all that it came of, as whoever grew the tree knows them.
fn grow(roots: usize, steps: &[Step]) -> (Vec<SubjectToken>, Vec<BTreeSet<usize>>) {
    let mut tokens: Vec<SubjectToken> =
        CLIENTS.iter().enumerate().map(|(number, id)| token(format!("own-{number}"), id, id)).collect();
    let first_root = tokens.len();
    tokens.extend((0..roots).map(|number| SubjectToken {
        other: session(first_root + number).into_iter().chain(profile(number)).collect(),
        profile_id: profile(number).map(|_| format!("profile-{number}")),
        ..token(format!("root-{number}"), "bff", &format!("user-{number}"))
    }));
    let mut came_of: Vec<BTreeSet<usize>> = tokens.iter().map(|_| BTreeSet::new()).collect();
    for (number, (by, subject, actor, begins)) in steps.iter().enumerate() {
        let client = client(CLIENTS[*by]);
        // A user's token is one too, if it was issued to the client.
        let may_act = |number: &usize| tokens[*number].client_id == client.id && tokens[*number].act.is_none();
        let actors: Vec<usize> = (0..tokens.len()).filter(may_act).collect();
        let (subject, actor) = (subject.index(tokens.len()), actor.as_ref().map(|one| actors[one.index(actors.len())]));
        let Ok(granted) = exchange(&client, (&tokens[subject], Standing::Good), actor.map(|actor| &tokens[actor]))
        else {
            continue;
        };
        let parents = std::iter::once(subject).chain(actor);
        let ancestors = parents.flat_map(|parent| came_of[parent].iter().copied().chain([parent])).collect();
        let mut other = granted.claims;
        if *begins {
            other.append(&mut session(tokens.len()));
        }
        let next = SubjectToken {
            exp: granted.expires_at,
            iat: NOW,
            act: granted.act,
            anc: granted.anc,
            anc_facts: granted.anc_facts.without_own(&tokens[subject].sub, &client.id, "key", &other),
            profile_id: tokens[subject].profile_id.clone(),
            other,
            ..token(format!("made-{number}"), &client.id, &tokens[subject].sub)
        };
        tokens.push(next);
        came_of.push(ancestors);
    }
    (tokens, came_of)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0..CLIENTS.len(), any::<Index>(), option::weighted(0.2, any::<Index>()), any::<bool>()), 1..30)
}

/// Whether an exchange is refused for the subject token, and why not else.
fn is_refused_as_dead(revocations: &Revocations, subject: &SubjectToken) -> bool {
    let standing = revocations.revoked_by(subject, ISSUER).map_or(Standing::Good, Standing::Revoked);
    let outcome = exchange(&client("worker"), (subject, standing), None);
    match standing {
        Standing::Good => assert_eq!(outcome, exchange(&client("worker"), (subject, Standing::Good), None)),
        _ => assert_eq!(outcome.map(|_| ()).map_err(|refused| refused.problem), Err(Problem::SubjectTokenRefused)),
    }
    standing != Standing::Good
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_token_is_refused_if_and_only_if_it_or_an_ancestor_is_revoked(
        roots in 1usize..4, steps in steps(), revoked in vec(any::<Index>(), 0..4)
    ) {
        let (tokens, came_of) = grow(roots, &steps);
        let dead: BTreeSet<usize> = revoked.iter().map(|index| index.index(tokens.len())).collect();
        let revocations: Revocations = dead.iter().map(|number| Revocation {
            kind: RevocationKind::Token, value: tokens[*number].jti.clone(), revoked_at: NOW, expires_at: NOW + 3600,
        }).collect();
        prop_assert_eq!(revocations.len(), dead.len());
        for (number, token) in tokens.iter().enumerate() {
            let expected = dead.contains(&number) || !dead.is_disjoint(&came_of[number]);
            prop_assert_eq!(is_refused_as_dead(&revocations, token), expected, "{}", token.jti);
        }
    }

    // Before the revocation of a client nobody told it that it would be in `act`, and in half of these trees it is not.
    #[test]
    fn a_client_takes_along_what_went_through_it_and_nothing_else(roots in 1usize..4, steps in steps(), by in 0..CLIENTS.len()) {
        let (tokens, came_of) = grow(roots, &steps);
        let of_client = |number: usize| tokens[number].client_id == CLIENTS[by];
        let revocations: Revocations = [Revocation {
            kind: RevocationKind::Client, value: CLIENTS[by].to_owned(), revoked_at: NOW, expires_at: NOW + 3600,
        }].into_iter().collect();
        for (number, token) in tokens.iter().enumerate() {
            let expected = of_client(number) || came_of[number].iter().any(|ancestor| of_client(*ancestor));
            prop_assert_eq!(is_refused_as_dead(&revocations, token), expected, "{}", token.jti);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    // A token that begins a session names that one alone, and the session that it was derived from may be swept by then.
    #[test]
    fn a_session_takes_along_all_that_was_derived_from_its_tokens(roots in 1usize..4, steps in steps(), of in any::<Index>()) {
        let (tokens, came_of) = grow(roots, &steps);
        let sessions: Vec<&str> = tokens.iter().flat_map(SubjectToken::sessions).collect();
        let revoked = sessions[of.index(sessions.len())];
        let revocations: Revocations = [Revocation {
            kind: RevocationKind::Session, value: revoked.to_owned(), revoked_at: NOW, expires_at: NOW + 3600,
        }].into_iter().collect();
        let is_of_it = |number: usize| tokens[number].sessions().any(|session| session == revoked);
        for (number, token) in tokens.iter().enumerate() {
            let expected = is_of_it(number) || came_of[number].iter().any(|ancestor| is_of_it(*ancestor));
            prop_assert_eq!(is_refused_as_dead(&revocations, token), expected, "{}", token.jti);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    // Whoever it is: the subject, an actor, or the subject of an actor's token.
    #[test]
    fn a_subject_takes_along_all_in_which_it_acted(roots in 1usize..4, steps in steps(), of in any::<Index>()) {
        let (tokens, came_of) = grow(roots, &steps);
        let revoked = tokens[of.index(CLIENTS.len() + roots)].sub.clone();
        let revocations: Revocations = [Revocation {
            kind: RevocationKind::Subject, value: revoked.clone(), revoked_at: NOW, expires_at: NOW + 3600,
        }].into_iter().collect();
        let acts = |token: &SubjectToken| token.act.iter().flat_map(|act| act.ours(ISSUER)).any(|act| act.sub == revoked);
        let is_of_it = |number: usize| tokens[number].sub == revoked || acts(&tokens[number]);
        for (number, token) in tokens.iter().enumerate() {
            let expected = is_of_it(number) || came_of[number].iter().any(|ancestor| is_of_it(*ancestor));
            prop_assert_eq!(is_refused_as_dead(&revocations, token), expected, "{}", token.jti);
        }
    }
}

/// The law would hold of trees without branches; this shows that there are some, of several levels.
#[test]
fn the_trees_are_trees() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut deepest, mut made) = (0, 0);
    for _ in 0..50 {
        let steps = steps().new_tree(&mut runner).expect("a case").current();
        let (tokens, came_of) = grow(2, &steps);
        made += tokens.len() - CLIENTS.len() - 2;
        deepest = came_of.iter().map(BTreeSet::len).max().unwrap_or_default().max(deepest);
    }
    assert!(deepest >= 4 && made > 300, "{made} tokens, the deepest with {deepest} ancestors");
}
