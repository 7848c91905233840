//! The tables of back-channel logout.

diesel::table! {
    logout_deliveries (session_id, client_id) {
        session_id -> Text,
        client_id -> Text,
        environment_id -> Text,
        user_id -> Text,
        created_at -> BigInt,
        attempts -> BigInt,
        due_at -> BigInt,
    }
}
