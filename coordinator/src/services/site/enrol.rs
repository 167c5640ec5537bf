//! How a site gets its certificates.

use std::time::Instant;

use bytes::Bytes;
use ripieno_identity::enrolment::{enrol_digest, request_digest, secret_digest};
use ripieno_identity::{PublicKey, Signature};
use ripieno_rpc::{EnrolRequest, EnrolResponse, RenewRequest, RenewResponse};
use ripieno_transport::request::VerifiedRequest;
use tonic::{Request, Status};
use zeroize::Zeroizing;

use super::{Sites, peer_of, serial_of};
use crate::actor::{Claim, Command};
use crate::services::malformed;

/// The largest certificate request, in bytes.
const MAX_REQUEST: usize = 4 << 10;

impl Sites {
    pub(super) async fn take_enrolment(
        &self,
        request: Request<EnrolRequest>,
    ) -> Result<EnrolResponse, Status> {
        let peer = peer_of(&request)?;
        if !self.enrolments.admits(peer.address.ip(), Instant::now()) {
            return Err(Status::resource_exhausted(
                "too many enrolments were tried, from this address or in all; wait a minute",
            ));
        }
        let EnrolRequest { secret, certificate_request, key, signature } = request.into_inner();
        let secret = <[u8; 32]>::try_from(secret.as_ref()).map(Zeroizing::new);
        let secret = secret.map_err(|_| malformed("secret: it has 32 bytes"))?;
        let secret = secret_digest(&secret);
        let key = <[u8; 32]>::try_from(key.as_ref());
        let key = key.map_err(|_| malformed("key: it has 32 bytes"))?;
        let key = PublicKey::from_bytes(&key).map_err(malformed)?;
        let signature = <[u8; 64]>::try_from(signature.as_ref());
        let signature = signature.map_err(|_| malformed("signature: it has 64 bytes"))?;
        let digest = request_digest(&certificate_request);
        let signed = enrol_digest(self.shared.key, &secret, &digest, &key);
        key.verify(&signed, &Signature::from_bytes(signature)).map_err(|_| {
            Status::unauthenticated(
                "the enrolment is not signed with the site's key for this coordinator",
            )
        })?;
        let request = verified(&certificate_request)?;
        let claim = Box::new(Claim { secret, request, digest, key, address: peer.address });
        let issued = self.actor.ask(|reply| Command::Enrol { claim, reply }).await?;
        Ok(EnrolResponse {
            certificate: issued.certificate.into(),
            authorities: issued.authorities,
            site: issued.site,
            federation: self.shared.settings.federation.clone(),
            coordinator: Bytes::copy_from_slice(self.shared.key.as_bytes()),
            signed: issued.signed,
        })
    }

    pub(super) async fn take_renewal(
        &self,
        request: Request<RenewRequest>,
    ) -> Result<RenewResponse, Status> {
        let serial = serial_of(&peer_of(&request)?)?;
        let der = request.into_inner().certificate_request;
        let request = Box::new(verified(&der)?);
        let digest = request_digest(&der);
        let issued =
            self.actor.ask(|reply| Command::Renew { serial, request, digest, reply }).await?;
        let certificate = issued.certificate.into();
        Ok(RenewResponse { certificate, authorities: issued.authorities })
    }
}

fn verified(der: &[u8]) -> Result<VerifiedRequest, Status> {
    if der.len() > MAX_REQUEST {
        let text = format!("certificate_request: {} bytes, at most {MAX_REQUEST}", der.len());
        return Err(malformed(text));
    }
    VerifiedRequest::from_der(der).map_err(malformed)
}
