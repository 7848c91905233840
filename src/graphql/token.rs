//! What operations answer that give a token, or nothing but that they were done. As in PostGraphile each operation has a
//! payload type of its own name: clients that were generated from a schema look at `__typename`.

/// How all tokens are sent (RFC 6750).
pub(super) const TOKEN_TYPE: &str = "Bearer";

/// Payloads with a token.
macro_rules! token_payloads {
    ($( $(#[$doc:meta])+ $name:ident; )+) => { $(
        $(#[$doc])+
        #[derive(async_graphql::SimpleObject)]
        struct $name {
            /// It.
            access_token: String,
            /// How long it lives.
            expires_in_seconds: i64,
            /// How it is sent: `Bearer`.
            token_type: &'static str,
        }

        impl From<crate::operations::mosaic_tokens::MosaicToken> for $name {
            fn from(token: crate::operations::mosaic_tokens::MosaicToken) -> Self {
                Self {
                    access_token: token.access_token,
                    expires_in_seconds: token.expires_in_seconds,
                    token_type: crate::graphql::token::TOKEN_TYPE,
                }
            }
        }
    )+ };
}

/// Payloads that say no more than that it was done.
macro_rules! success_payloads {
    ($( $(#[$doc:meta])+ $name:ident; )+) => { $(
        $(#[$doc])+
        #[derive(async_graphql::SimpleObject)]
        struct $name {
            /// Always true: a refusal is an error.
            is_success: bool,
        }

        impl $name {
            /// It was done.
            const fn done() -> Self {
                Self { is_success: true }
            }
        }
    )+ };
}

/// Payloads with a service account's id and secret.
macro_rules! secret_payloads {
    ($( $(#[$doc:meta])+ $name:ident; )+) => { $(
        $(#[$doc])+
        #[derive(async_graphql::SimpleObject)]
        struct $name {
            /// Its id.
            client_id: String,
            /// Its secret.
            client_secret: String,
        }

        impl From<crate::operations::management::service_accounts::WithSecret> for $name {
            fn from(made: crate::operations::management::service_accounts::WithSecret) -> Self {
                Self { client_id: made.client_id, client_secret: made.secret.reveal().to_owned() }
            }
        }
    )+ };
}

pub(super) use {secret_payloads, success_payloads, token_payloads};
