//! R2: the tiles of a masked update.

use ripieno_rpc::{UploadRequest, UploadResponse};
use ripieno_wire::FromSite;
use tonic::{Code, Request, Status, Streaming};

use super::{Sites, peer_of, serial_of};
use crate::actor::{Command, UploadId};
use crate::services::malformed;

impl Sites {
    /// Hands each tile on and waits until it is taken, so a site sends no faster than it is heard.
    pub(super) async fn take_upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<UploadResponse, Status> {
        let serial = serial_of(&peer_of(&request)?)?;
        let mut inbound = request.into_inner();
        let upload = self.actor.ask(|reply| Command::BeginUpload { serial, reply }).await?;
        let taken = self.take_all(&upload, &mut inbound).await;
        if let Err(status) = &taken
            && status.code() == Code::InvalidArgument
        {
            let (session, reason) = (upload.session, status.message().to_owned());
            // A coordinator that has stopped needs not be told.
            let _ = self.actor.tell(Command::Malformed { session, reason }).await;
        }
        taken
    }

    async fn take_all(
        &self,
        upload: &UploadId,
        inbound: &mut Streaming<UploadRequest>,
    ) -> Result<UploadResponse, Status> {
        loop {
            // Who keeps it waiting is broken off: see `pace`.
            let next = inbound.message().await?;
            let Some(UploadRequest { from_site }) = next else {
                return Err(malformed("the upload ended without its trailer; upload again"));
            };
            let message = Box::new(FromSite::decode(from_site).map_err(malformed)?);
            let last = match *message {
                FromSite::Tile { .. } => false,
                FromSite::Trailer { .. } => true,
                _ => return Err(malformed("an upload has tiles and a trailer, nothing else")),
            };
            let upload = upload.clone();
            self.actor.ask(|reply| Command::Tile { upload, message, reply }).await?;
            if last {
                return Ok(UploadResponse {});
            }
        }
    }
}
