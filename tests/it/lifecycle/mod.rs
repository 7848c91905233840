//! The life of a running server: signals, crashes, outages, several nodes, TLS.

mod crash;
mod database_urls;
mod faults;
mod nodes;
mod outage;
mod poolers;
mod restart_of_postgres;
mod sessions_that_hang;
mod signals;
mod spread;
mod stopping;
mod tls;
