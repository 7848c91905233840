//! The tables, once for both engines. `migrations/` makes them; a test compares the two results with each other and with this.

mod authenticators;
mod logout;
mod sign_in;
mod user_passwords;

pub use self::{
    authenticators::{authenticator_attempts, totp_authenticators, totp_transactions},
    logout::logout_deliveries,
    sign_in::{
        login_session_clients, login_sessions, one_time_codes, pending_joins, sendings, user_applications,
        user_identifiers, webauthn_ceremonies, webauthn_credentials, webauthn_usernames,
    },
    user_passwords::{password_history, password_resets, passwords},
};

diesel::table! {
    tenants (id) {
        id -> Text,
        name -> Text,
        created_at -> BigInt,
        enabled -> Bool,
    }
}

diesel::table! {
    environments (id) {
        id -> Text,
        tenant_id -> Text,
        name -> Text,
        is_default -> Bool,
        enabled -> Bool,
        access_token_lifetime -> BigInt,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        users_version -> BigInt,
        revocations_version -> BigInt,
    }
}

diesel::table! {
    revocations (environment_id, kind, value) {
        environment_id -> Text,
        kind -> Text,
        value -> Text,
        revoked_at -> BigInt,
        expires_at -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    resource_servers (environment_id, audience) {
        environment_id -> Text,
        audience -> Text,
        scopes -> Text,
        scope_claim -> Text,
        max_lifetime -> Nullable<BigInt>,
        clients -> Text,
        token_profile -> Text,
        signing_alg -> Nullable<Text>,
        enabled -> Bool,
        token_typ -> Text,
    }
}

diesel::table! {
    clients (environment_id, client_id) {
        environment_id -> Text,
        client_id -> Text,
        name -> Text,
        kind -> Text,
        enabled -> Bool,
        grants -> Text,
        access -> Text,
        permissions -> Text,
        exchange_error -> Text,
        origin -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        sign_in -> Text,
    }
}

diesel::table! {
    client_secrets (id) {
        id -> Text,
        environment_id -> Text,
        client_id -> Text,
        hash -> Text,
        origin -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    applications (id) {
        id -> Text,
        environment_id -> Text,
        name -> Text,
        platform -> Text,
        enabled -> Bool,
        origin -> Text,
        allowed_origins -> Text,
        allowed_proxy_urls -> Text,
        key_hash -> Nullable<Text>,
        webhook -> Nullable<Text>,
        webhook_secret -> Nullable<Binary>,
        login_preferences -> Text,
        users_join -> Text,
    }
}

diesel::table! {
    identity_connections (environment_id, name) {
        environment_id -> Text,
        name -> Text,
        provider -> Text,
        enabled -> Bool,
        origin -> Text,
        title -> Text,
        sort_order -> BigInt,
        sign_in -> Nullable<Text>,
        sign_in_secret -> Nullable<Binary>,
    }
}

diesel::table! {
    exchange_rules (environment_id, name) {
        environment_id -> Text,
        name -> Text,
        position -> BigInt,
        definition -> Text,
        enabled -> Bool,
    }
}

diesel::table! {
    signing_keys (environment_id, kid) {
        environment_id -> Text,
        kid -> Text,
        alg -> Text,
        private_key -> Binary,
        public_jwk -> Text,
        created_at -> BigInt,
        activates_at -> BigInt,
        retires_at -> Nullable<BigInt>,
        removes_at -> Nullable<BigInt>,
        tokens_until -> BigInt,
    }
}

diesel::table! {
    permissions (environment_id, service_id, key) {
        environment_id -> Text,
        service_id -> Text,
        key -> Text,
        title -> Text,
        gql_operations -> Text,
        origin -> Text,
    }
}

diesel::table! {
    managed_services (environment_id, service_id) {
        environment_id -> Text,
        service_id -> Text,
        name -> Text,
        home_environment_id -> Text,
        client_id -> Text,
        permissions -> Text,
        enabled -> Bool,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        environment_id -> Text,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        enabled -> Bool,
        active_profile_id -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        details -> Text,
        last_sign_in_at -> Nullable<BigInt>,
        status_changed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    user_identities (environment_id, connection, subject_id) {
        environment_id -> Text,
        connection -> Text,
        subject_id -> Text,
        user_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    profiles (id) {
        id -> Text,
        user_id -> Text,
        unique_identifier -> Nullable<Text>,
        display_name -> Nullable<Text>,
        picture_url -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    authorization_requests (state_hash) {
        state_hash -> Text,
        environment_id -> Text,
        browser_hash -> Text,
        request -> Text,
        network -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    authorization_codes (code_hash) {
        code_hash -> Text,
        environment_id -> Text,
        user_id -> Text,
        granted -> Text,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        session_id -> Nullable<Text>,
        replayed_at -> Nullable<BigInt>,
        forget_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        environment_id -> Text,
        client_id -> Text,
        definition -> Text,
        generation -> BigInt,
        rotated_by -> Nullable<Text>,
        rotated_at -> Nullable<BigInt>,
        created_at -> BigInt,
        last_used_at -> BigInt,
        idle_expires_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        kept_until -> BigInt,
    }
}

diesel::table! {
    session_origins (session_id, kind, value) {
        session_id -> Text,
        kind -> Text,
        value -> Text,
        environment_id -> Text,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Text,
        session_id -> Text,
        generation -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        expires_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(client_secrets, environments);
diesel::allow_tables_to_appear_in_same_query!(clients, login_session_clients);
diesel::allow_tables_to_appear_in_same_query!(environments, tenants);
diesel::allow_tables_to_appear_in_same_query!(refresh_tokens, session_origins, sessions);
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::allow_tables_to_appear_in_same_query!(
    profiles,
    user_identities,
    user_identifiers,
    user_applications,
    login_sessions,
    login_session_clients,
    users
);
diesel::joinable!(client_secrets -> environments (environment_id));
diesel::joinable!(environments -> tenants (tenant_id));
diesel::joinable!(profiles -> users (user_id));
diesel::joinable!(user_identities -> users (user_id));
diesel::joinable!(user_identifiers -> users (user_id));
diesel::joinable!(user_applications -> users (user_id));
diesel::joinable!(login_session_clients -> login_sessions (session_id));

diesel::table! {
    audit_records (day, node, seq) {
        day -> BigInt,
        node -> Text,
        seq -> BigInt,
        time_ms -> BigInt,
        environment_id -> Nullable<Text>,
        event -> Text,
        outcome -> Text,
        request_id -> Text,
        client_id -> Nullable<Text>,
        subject -> Nullable<Text>,
        jti -> Nullable<Text>,
        reason -> Nullable<Text>,
        record -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    failures (kind, network, environment_id, client_id) {
        kind -> Text,
        network -> Text,
        environment_id -> Text,
        client_id -> Text,
        until_us -> BigInt,
        changed_us -> BigInt,
    }
}
