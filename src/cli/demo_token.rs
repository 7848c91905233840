//! `tessera demo-token`.

use std::path::Path;

use super::{exit::Failure, opened::Opened, say};
use crate::{
    app,
    operations::{counts::Counts, demo_token::demo_token, issue::TokenIssuer},
};

/// Prints the token alone, so that `$(tessera demo-token)` works.
pub(super) fn run(config: Option<&Path>) -> Result<(), Failure> {
    let opened = Opened::new(config)?;
    let (settings, sources) = (&opened.settings, &opened.sources);
    let public_url = settings.server.public_url_at(settings.server.listen);
    let catalog = app::load_catalog(settings, sources, &opened.store, opened.master_key()?, public_url)?;
    let environment = catalog.default_environment();
    let signing_alg = settings.tokens.signing_alg;
    let issuer = TokenIssuer { random: &*sources.random, signing_alg, counts: &Counts::default() };
    say(demo_token(&opened.store, &opened.operator(), &issuer, environment.as_deref())?)?;
    Ok(())
}
