//! How a command ends: what people read, and the exit code that scripts read.

use std::{error::Error, process::ExitCode};

use super::tell;
use crate::{
    app::StartError,
    catalog::LoadError,
    operations::{
        apply::ApplyError, backend::users::UserError, demo_token::DemoTokenError,
        environment_file::EnvironmentFileErrors, keys::KeyError, revoke::RevokeError,
        service_accounts::ServiceAccountError,
    },
    settings::SettingsErrors,
    store::StoreError,
};

/// Printed under `--help`.
pub(super) const HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong settings or environment file, \
                               4 database, 5 refused, \
                               6 the audit log does not verify.";

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Something unforeseen.
    Other(Box<dyn Error>),
    /// A setting or an environment file is wrong.
    Configuration(Box<dyn Error>),
    /// The database is out of reach, or not fit.
    Database(Box<dyn Error>),
    /// What was asked for is not done, for the reason given.
    Refusal(Box<dyn Error>),
    /// The audit log is not as it was written.
    Broken(Box<dyn Error>),
}

impl Failure {
    /// Says why, and gives the exit code. Clap itself ends with 2 for wrong usage.
    pub(super) fn report(&self) -> ExitCode {
        let (code, cause) = match self {
            Failure::Other(cause) => (1, cause),
            Failure::Configuration(cause) => (3, cause),
            Failure::Database(cause) => (4, cause),
            Failure::Refusal(cause) => (5, cause),
            Failure::Broken(cause) => (6, cause),
        };
        tell(format_args!("tessera: {cause}"));
        ExitCode::from(code)
    }

    /// The same failure, told after other mistakes in the configuration.
    pub(super) fn after(self, first: SettingsErrors) -> Self {
        let (Failure::Other(own)
        | Failure::Configuration(own)
        | Failure::Database(own)
        | Failure::Refusal(own)
        | Failure::Broken(own)) = self;
        Failure::Configuration(format!("{first}\n{own}").into())
    }

    /// There is no embedded database yet.
    pub(super) fn no_database(file: &impl std::fmt::Display) -> Self {
        let reason = format!(
            "there is no SQLite database at {file}: check database.url, which a relative path takes from the present folder; \
             `tessera apply FILE` and `tessera migrate` make one"
        );
        Failure::Database(reason.into())
    }

    /// So many chains of the audit log do not verify.
    pub(super) fn broken_chains(count: usize) -> Self {
        Failure::Broken(format!("{count} chains of the audit log are broken").into())
    }

    /// A refusal in plain words.
    pub(super) fn refusal(reason: impl Into<String>) -> Self {
        Failure::Refusal(reason.into().into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Configuration(_) => Failure::Configuration(error.into()),
            _ => Failure::Database(error.into()),
        }
    }
}

impl From<SettingsErrors> for Failure {
    fn from(errors: SettingsErrors) -> Self {
        Failure::Configuration(errors.into())
    }
}

impl From<EnvironmentFileErrors> for Failure {
    fn from(errors: EnvironmentFileErrors) -> Self {
        Failure::Configuration(errors.into())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Load(error) => error.into(),
            StartError::Keys(error) => error.into(),
            StartError::PendingMigrations(_) | StartError::NewerSchema(_) => Failure::Database(error.into()),
            StartError::MasterKey { .. }
            | StartError::Listen { .. }
            | StartError::Tls(_)
            | StartError::Attestation(_)
            | StartError::Mail(_)
            | StartError::Sms(_) => Failure::Configuration(error.into()),
            StartError::Audit(_)
            | StartError::Outbound(_)
            | StartError::Passwords(_)
            | StartError::Schema(_)
            | StartError::Serve(_) => Failure::Other(error.into()),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => error.into(),
            LoadError::Key { .. } => Failure::Configuration(error.into()),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Refused(_) => Failure::Refusal(error.into()),
            KeyError::MasterKey { .. }
            | KeyError::WebhookSecret { .. }
            | KeyError::SignInSecret { .. }
            | KeyError::TotpSecret { .. } => Failure::Configuration(error.into()),
            KeyError::Jose(_) => Failure::Other(error.into()),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            // Another environment has what the file wants.
            ApplyError::Store(StoreError::Conflict(_)) => Failure::Refusal(error.into()),
            ApplyError::Store(error) => error.into(),
            ApplyError::Contradiction(_) => Failure::Refusal(error.into()),
            ApplyError::Key(error) => error.into(),
            ApplyError::Random(_) | ApplyError::Seal(_) => Failure::Other(error.into()),
        }
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Store(error) => error.into(),
            UserError::Random(_) => Failure::Other(error.into()),
            UserError::NotFound | UserError::NoIdentifier(_) | UserError::Taken(_) | UserError::Invalid(_) => {
                Failure::Refusal(error.into())
            }
        }
    }
}

impl From<ServiceAccountError> for Failure {
    fn from(error: ServiceAccountError) -> Self {
        match error {
            ServiceAccountError::Store(error) => error.into(),
            ServiceAccountError::Refused(_) => Failure::Refusal(error.into()),
            ServiceAccountError::Random(_) | ServiceAccountError::Unshown(_) => Failure::Other(error.into()),
        }
    }
}

impl From<DemoTokenError> for Failure {
    fn from(error: DemoTokenError) -> Self {
        match error {
            DemoTokenError::Store(error) => error.into(),
            DemoTokenError::Refused(_) | DemoTokenError::Unsigned(_) => Failure::Refusal(error.to_string().into()),
        }
    }
}

impl From<RevokeError> for Failure {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::Store(error) => error.into(),
            RevokeError::Refused(_) => Failure::Refusal(error.into()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Other(error.into())
    }
}
