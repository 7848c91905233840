//! How users sign in: what is allowed, and what stops those who guess.

pub mod lockout;
