//! Whose certificates are believed.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The certificate authorities that may vouch for a peer: those of the web, and perhaps some more.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// With more than those of the web.
    own: Option<Arc<ClientConfig>>,
}

/// Why a file adds nothing to whom we trust.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot take certificate authorities from {path}: {reason}; a PEM file with at least one certificate is expected"
)]
pub struct TrustError {
    path: String,
    reason: String,
}

impl Trust {
    /// The authorities of the web, and those of a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no usable certificate.
    pub fn and_file(path: &Path) -> Result<Self, TrustError> {
        let wrong = |reason: String| TrustError { path: path.display().to_string(), reason };
        let mut roots = of_the_web();
        let known = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.len() == known {
            return Err(wrong("it holds no certificate".to_owned()));
        }
        let config = config(roots).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { own: Some(Arc::new(config)) })
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        static OF_THE_WEB: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        if let Some(config) = OF_THE_WEB.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(config(of_the_web())?);
        Ok(OF_THE_WEB.get_or_init(|| config).clone())
    }
}

fn of_the_web() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// The provider is named because a process may have several, and rustls then refuses to guess.
fn config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
