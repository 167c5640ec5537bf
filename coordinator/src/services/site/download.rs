//! Messages that are too long for a session.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ripieno_rpc::{DownloadRequest, DownloadResponse};
use ripieno_wire::BadPart;
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};
use tracing::warn;

use super::{Sites, peer_of, serial_of};
use crate::actor::{Command, Handle, InHand, SessionId, Waiting};

/// Bytes of a part.
const PART: usize = 256 << 10;
/// Parts that wait for the connection.
const WAITING: usize = 2;

/// The parts of a message.
pub(super) type Parts = ReceiverStream<Result<DownloadResponse, Status>>;

impl Sites {
    pub(super) async fn hand_out(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Parts, Status> {
        let serial = serial_of(&peer_of(&request)?)?;
        let ticket = request.into_inner().ticket;
        let asked = self.actor.ask(|reply| Command::Parcel { serial, ticket, reply });
        let (session, message, in_hand) = asked.await?;
        let (sender, parts) = mpsc::channel(WAITING);
        let stall = self.shared.settings.connections.stall();
        let actor = self.actor.clone();
        tokio::spawn(send(actor, (session, ticket), message, sender, stall, in_hand));
        Ok(ReceiverStream::new(parts))
    }
}

/// Sends a message part by part, and frees it when all of it is on its way.
async fn send(
    actor: Handle,
    (session, ticket): (SessionId, u64),
    mut message: Waiting,
    parts: mpsc::Sender<Result<DownloadResponse, Status>>,
    stall: Duration,
    // The last, so let go first: who has seen the end of a message may fetch the next.
    _in_hand: InHand,
) {
    let mut ready = BytesMut::new();
    loop {
        let next = match fill(&mut message, &mut ready) {
            Ok(Some(part)) => Ok(DownloadResponse { part }),
            Ok(None) => break,
            Err(error) => {
                warn!(site = session.site, %error, "a sum cannot be sent");
                Err(Status::data_loss("a part of an upload cannot be read; its round will fail"))
            }
        };
        let failed = next.is_err();
        let sent = timeout(stall, parts.send(next)).await;
        if failed || !matches!(sent, Ok(Ok(()))) {
            // The site may fetch it again while its session lasts.
            return;
        }
    }
    let _ = actor.tell(Command::Fetched { session, ticket }).await;
}

/// The next part: of a sum, what is read from the disk for it now.
fn fill(message: &mut Waiting, ready: &mut BytesMut) -> Result<Option<Bytes>, BadPart> {
    block_in_place(|| {
        while ready.len() < PART {
            let Some(piece) = message.next_piece(PART)? else { break };
            ready.extend_from_slice(&piece);
        }
        let length = ready.len().min(PART);
        Ok((length > 0).then(|| ready.split_to(length).freeze()))
    })
}
