// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS 1.3 connections of rustls over aws-lc-rs, in memory. Nobody proves anything in them: only their records are measured.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::UnbufferedServerConnection;
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig,
    ServerConnection, SignatureAlgorithm, SignatureScheme,
};
use sealwax::Suite;

/// A key that signs with nothing, and a verifier that takes it.
#[derive(Debug)]
struct Nobody;

impl SigningKey for Nobody {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Nobody))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Nobody {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0; 64])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

impl ServerCertVerifier for Nobody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 alone".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Both ends, after their handshake, which read and write through buffers of their own.
pub(crate) fn pair(suite: Suite) -> (ClientConnection, ServerConnection) {
    let (client, server) = configs(suite);
    let mut client = ClientConnection::new(client, name()).expect("the settings fit");
    let mut server = ServerConnection::new(server).expect("the settings fit");
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).expect("memory takes it");
        let mut read = bytes.as_slice();
        while !read.is_empty() {
            server.read_tls(&mut read).expect("memory gives it");
            server.process_new_packets().expect("it is genuine");
        }
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).expect("memory takes it");
        let mut read = bytes.as_slice();
        while !read.is_empty() {
            client.read_tls(&mut read).expect("memory gives it");
            client.process_new_packets().expect("it is genuine");
        }
    }
    (client, server)
}

/// Both ends, after their handshake, which seal and open where the caller says.
pub(crate) fn unbuffered_pair(
    suite: Suite,
) -> (UnbufferedClientConnection, UnbufferedServerConnection) {
    let (client, server) = configs(suite);
    let mut client = UnbufferedClientConnection::new(client, name()).expect("the settings fit");
    let mut server = UnbufferedServerConnection::new(server).expect("the settings fit");
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    loop {
        let (client_waits, done) = step(client.process_tls_records(&mut to_client), &mut to_server);
        to_client.drain(..done);
        let (server_waits, done) = step(server.process_tls_records(&mut to_server), &mut to_client);
        to_server.drain(..done);
        if client_waits && server_waits && to_client.is_empty() && to_server.is_empty() {
            break;
        }
    }
    (client, server)
}

/// Whether this end waits for the other, and how much of what came is done with.
fn step<D>(status: UnbufferedStatus<'_, '_, D>, out: &mut Vec<u8>) -> (bool, usize) {
    let done = status.discard;
    match status.state.expect("it is genuine") {
        ConnectionState::EncodeTlsData(mut said) => {
            let mut bytes = vec![0; 1 << 14];
            let len = said.encode(&mut bytes).expect("there is room");
            out.extend_from_slice(&bytes[..len]);
            (false, done)
        }
        ConnectionState::TransmitTlsData(said) => {
            said.done();
            (false, done)
        }
        ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_) => (true, done),
        other => panic!("not in a handshake: {other:?}"),
    }
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

fn configs(suite: Suite) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let wanted = match suite {
        Suite::Cobblestone256 => CipherSuite::TLS13_AES_256_GCM_SHA384,
        Suite::ChaCha20Poly1305 => CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    };
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == wanted);
    let provider = Arc::new(provider);
    let certified = CertifiedKey::new(vec![CertificateDer::from(vec![0x30, 0])], Arc::new(Nobody));
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Nobody))
        .with_no_client_auth();
    (Arc::new(client), Arc::new(server))
}
