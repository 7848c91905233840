//! The certificate of HTTPS, which can be exchanged while the server runs.

use std::{
    io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use openssl::ssl::{
    AlpnError, SniError, SslAcceptor, SslAcceptorBuilder, SslContext, SslFiletype, SslMethod, select_next_proto,
};

use crate::settings::Tls;

/// HTTP/2 and HTTP/1.1, in this order, as ALPN writes them (RFC 7301 §3.1).
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";

/// The certificate that new connections get.
pub struct Certificate {
    files: Tls,
    current: RwLock<SslContext>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads it from its files.
    ///
    /// # Errors
    /// The certificate or its key cannot be used, or they do not belong together; the text names the setting and the file.
    pub fn load(files: &Tls) -> io::Result<Self> {
        Ok(Self { files: files.clone(), current: RwLock::new(context(files)?) })
    }

    /// Reads it again. Connections that are open keep theirs.
    ///
    /// # Errors
    /// See [`Certificate::load`]. The one before stays.
    pub fn reload(&self) -> io::Result<()> {
        let renewed = context(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// Accepts connections, each with the certificate of its moment.
    pub(super) fn acceptor(self: &Arc<Self>) -> io::Result<SslAcceptorBuilder> {
        let mut acceptor = acceptor(&self.files)?;
        let own = Arc::clone(self);
        // OpenSSL asks this for every handshake, also where the client names no server.
        acceptor.set_servername_callback(move |connection, _| {
            let current = own.current.read().unwrap_or_else(PoisonError::into_inner);
            connection.set_ssl_context(&current).map_err(|_| SniError::ALERT_FATAL)
        });
        Ok(acceptor)
    }
}

fn context(files: &Tls) -> io::Result<SslContext> {
    let mut acceptor = acceptor(files)?;
    // actix-web sets this on the acceptor that it is given, and not on those that take its place.
    acceptor.set_alpn_select_callback(|_, offered| select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::NOACK));
    Ok(acceptor.build().into_context())
}

fn acceptor(tls: &Tls) -> io::Result<SslAcceptorBuilder> {
    let unusable = |setting: &str, file: &Path, problem: &str| {
        io::Error::new(io::ErrorKind::InvalidData, format!("server.tls.{setting} {}: {problem}", file.display()))
    };
    let (certificate, key) = (&tls.certificate_file, &tls.private_key_file);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor
        .set_certificate_chain_file(certificate)
        .map_err(|_| unusable("certificate_file", certificate, "holds no PEM certificate that can be used"))?;
    // A key that does not fit is refused here too.
    acceptor.set_private_key_file(key, SslFiletype::PEM).map_err(|_| {
        unusable(
            "private_key_file",
            key,
            "holds no PEM private key without a passphrase, or that of another certificate",
        )
    })?;
    acceptor.check_private_key().map_err(|_| unusable("private_key_file", key, "is the key of another certificate"))?;
    Ok(acceptor)
}
