//! `[outbound]`: what requests to others may reach.

use ipnet::IpNet;

use super::reader::Reader;

/// What requests to others may reach.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Networks that are not public and may be called all the same.
    pub allowed_networks: Vec<IpNet>,
    /// Whether plain HTTP may be used to loopback.
    pub plain_http_to_loopback: bool,
}

impl Outbound {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            allowed_networks: reader.networks("outbound.allowed_networks"),
            plain_http_to_loopback: reader.boolean("outbound.plain_http_to_loopback"),
        }
    }
}
