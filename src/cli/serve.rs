//! `tessera serve`.

use std::path::Path;

use super::{exit::Failure, opened};
use crate::app::App;

/// Serves until told to stop.
pub(super) fn run(config: Option<&Path>) -> Result<(), Failure> {
    let settings = opened::settings(config)?;
    opened::is_there(&settings)?;
    log::info!("database: {}", opened::name_of(&settings));
    let app = App::build(&settings, &opened::sources())?;
    log::info!("listening on {}, issuer {}", app.address(), app.public_url());
    if let Some(address) = app.internal_address()? {
        log::info!("probes and metrics on {address}");
    }
    serve(app)
}

/// Runs a built server to its end.
pub(super) fn serve(app: App) -> Result<(), Failure> {
    actix_web::rt::System::new().block_on(app.run(|_| {}))?;
    log::info!("stopped: all requests answered, all audit records written");
    Ok(())
}
