//! What users prove with who they are.

diesel::table! {
    authenticator_attempts (holder, authenticator) {
        holder -> Text,
        authenticator -> Text,
        user_id -> Nullable<Text>,
        failures -> BigInt,
        counted_at -> Nullable<BigInt>,
        locked -> Bool,
        locked_until -> Nullable<BigInt>,
        last_succeeded_at -> Nullable<BigInt>,
        last_failed_at -> Nullable<BigInt>,
        last_application_id -> Nullable<Text>,
    }
}

diesel::table! {
    totp_authenticators (id) {
        id -> Text,
        environment_id -> Text,
        application_id -> Text,
        user_id -> Text,
        label -> Text,
        issuer -> Text,
        algorithm -> Text,
        digits -> BigInt,
        period -> BigInt,
        secret -> Binary,
        last_step -> BigInt,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    totp_transactions (id) {
        id -> Text,
        environment_id -> Text,
        application_id -> Text,
        user_id -> Nullable<Text>,
        challenge -> Text,
        approval_data -> Text,
        expires_at -> BigInt,
    }
}
