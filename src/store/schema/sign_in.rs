//! The tables of sign-ins behind applications' backends.

diesel::table! {
    user_identifiers (environment_id, kind, application_id, value) {
        environment_id -> Text,
        kind -> Text,
        application_id -> Text,
        value -> Text,
        user_id -> Text,
        shown -> Text,
        is_primary -> Bool,
        verified_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    user_applications (user_id, application_id) {
        user_id -> Text,
        application_id -> Text,
        custom_data -> Text,
        created_at -> BigInt,
        last_sign_in_at -> Nullable<BigInt>,
        external_account_id -> Nullable<Text>,
    }
}

diesel::table! {
    pending_joins (user_id, application_id) {
        user_id -> Text,
        application_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    login_sessions (id) {
        id -> Text,
        environment_id -> Text,
        user_id -> Text,
        secret_hash -> Text,
        methods -> Text,
        created_at -> BigInt,
        idle_expires_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    login_session_clients (session_id, client_id) {
        session_id -> Text,
        client_id -> Text,
        application_id -> Text,
        joined_at -> BigInt,
    }
}

diesel::table! {
    webauthn_credentials (environment_id, id) {
        environment_id -> Text,
        id -> Text,
        user_id -> Text,
        application_id -> Text,
        username -> Text,
        user_handle -> Text,
        display_name -> Text,
        credential -> Text,
        counter -> BigInt,
        aaguid -> Text,
        devices -> Text,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    webauthn_ceremonies (id_hash) {
        id_hash -> Text,
        environment_id -> Text,
        application_id -> Text,
        ceremony -> Text,
        network -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    webauthn_usernames (environment_id, application_id, username) {
        environment_id -> Text,
        application_id -> Text,
        username -> Text,
        user_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    one_time_codes (id) {
        id -> Text,
        environment_id -> Text,
        user_id -> Text,
        application_id -> Text,
        purpose -> Text,
        channel -> Text,
        client_id -> Text,
        any_client -> Bool,
        named_as -> Text,
        address -> Nullable<Text>,
        own_address -> Bool,
        request_hash -> Text,
        secret_hash -> Text,
        tries_left -> BigInt,
        details -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    sendings (environment_id, kind, holder) {
        environment_id -> Text,
        kind -> Text,
        holder -> Text,
        sent -> BigInt,
        until -> BigInt,
    }
}
