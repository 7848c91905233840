//! The token endpoint, whatever the grant.

mod authentication;
mod limits;
mod request;
mod responses;
mod throttle;
mod timing;
