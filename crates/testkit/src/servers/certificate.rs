//! Certificates that are worth nothing outside a test.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A certificate for the loopback interface and the authority that signed it, all as PEM.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) ca: String,
    pub(super) server: String,
    pub(super) key: String,
}

impl Certificate {
    /// Makes an authority, lets it sign one certificate and forgets its key.
    pub(super) fn for_loopback() -> Result<Self, rcgen::Error> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name.push(DnType::CommonName, "lockout test authority");
        let ca_pem = ca.self_signed(&ca_key)?.pem();

        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        server.distinguished_name.push(DnType::CommonName, "lockout test server");
        let server_pem = server.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();
        Ok(Self { ca: ca_pem, server: server_pem, key: key.serialize_pem() })
    }
}
