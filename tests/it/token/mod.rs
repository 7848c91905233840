//! The token endpoint, whatever the grant.

mod authentication;
mod flood;
mod limits;
mod request;
mod responses;
mod throttle;
mod timing;
