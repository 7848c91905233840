//! Passwords of users.

diesel::table! {
    passwords (user_id) {
        user_id -> Text,
        hash -> Text,
        temporary -> Bool,
        generation -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    password_history (user_id, generation) {
        user_id -> Text,
        generation -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    password_resets (token_hash) {
        token_hash -> Text,
        environment_id -> Text,
        user_id -> Text,
        application_id -> Text,
        methods -> Text,
        needs_second_factor -> Bool,
        generation -> Nullable<BigInt>,
        expires_at -> BigInt,
    }
}
