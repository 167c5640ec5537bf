//! Tiles and trailers on their way to the coordinator, as fast as it takes them.

use std::time::Duration;

use ripieno_rpc::UploadRequest;
use ripieno_wire::FromSite;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tracing::{debug, info};

use crate::link::Client;

/// Tiles that are encoded and not sent.
const AHEAD: usize = 2;
/// How long the coordinator may leave a tile untaken.
const TILE: Duration = Duration::from_secs(60);
/// How long it may take to answer when it has all.
const ANSWER: Duration = Duration::from_secs(120);

/// Sends uploads, one after the other, until nobody gives any more.
///
/// # Errors
/// What the coordinator said, or that it stalls. An upload that it does not take, because its slot
/// has ended, is no error.
pub(super) async fn send_all(
    client: Client,
    mut messages: mpsc::Receiver<FromSite>,
) -> Result<(), Status> {
    while let Some(first) = messages.recv().await {
        match send_one(client.clone(), first, &mut messages).await {
            Ok(()) => {}
            Err(status) if is_of_the_slot(status.code()) => {
                info!(reason = status.message(), "the coordinator does not take an upload");
            }
            Err(status) => return Err(status),
        }
    }
    Ok(())
}

/// Sends the upload that begins with `first`; in any case all of it is taken off the queue.
async fn send_one(
    mut client: Client,
    first: FromSite,
    messages: &mut mpsc::Receiver<FromSite>,
) -> Result<(), Status> {
    let (tiles, stream) = mpsc::channel(AHEAD);
    let mut whole = false;
    let feed = async {
        let mut next = Some(first);
        while let Some(message) = next {
            whole = matches!(message, FromSite::Trailer { .. });
            let request = UploadRequest { from_site: message.encode() };
            if timeout(TILE, tiles.send(request)).await.is_err() {
                return Status::deadline_exceeded("the coordinator takes no more of an upload");
            }
            if whole {
                break;
            }
            next = messages.recv().await;
        }
        drop(tiles);
        tokio::time::sleep(ANSWER).await;
        Status::deadline_exceeded("the coordinator does not answer to an upload")
    };
    let answer = tokio::select! {
        answer = client.upload(ReceiverStream::new(stream)) => answer.map(drop),
        late = feed => Err(late),
    };
    while !whole {
        let Some(message) = messages.recv().await else { break };
        whole = matches!(message, FromSite::Trailer { .. });
    }
    debug!(taken = answer.is_ok(), "upload");
    answer
}

/// What a coordinator says of a slot that has ended meanwhile, rather than of the connection.
fn is_of_the_slot(code: Code) -> bool {
    matches!(
        code,
        Code::Aborted
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::NotFound
            | Code::OutOfRange
            | Code::ResourceExhausted
    )
}
