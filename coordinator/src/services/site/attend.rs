//! The session of a site.

use std::time::{Duration, Instant};

use ripieno_rpc::attend_request::Body;
use ripieno_rpc::{AttendRequest, come_back_after};
use ripieno_wire::FromSite;
use ripieno_wire::membership::decode_consent;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::{Code, Request, Status, Streaming};
use tracing::debug;

use super::{Sites, peer_of, serial_of};
use crate::actor::{Arrival, Command, End, Handle, Holdings, Messages, Seat, SessionId};
use crate::services::{digest, malformed};

impl Sites {
    pub(super) async fn begin_session(
        &self,
        request: Request<Streaming<AttendRequest>>,
    ) -> Result<Messages, Status> {
        let peer = peer_of(&request)?;
        let serial = serial_of(&peer)?;
        let mut inbound = request.into_inner();
        let first = timeout(self.shared.settings.connections.arrival(), inbound.message()).await;
        let first = first.map_err(|_| {
            Status::deadline_exceeded("the site did not say in time what it stands for")
        })??;
        let Some(Body::Arrival(said)) = first.and_then(|first| first.body) else {
            return Err(malformed("the first message of a session is its arrival"));
        };
        let charter = said.charter.as_deref().map(|bytes| digest("arrival.charter", bytes));
        let holdings = said.holdings.map(|said| holdings(&said));
        let arriving = serial.clone();
        let arrival = Box::new(Arrival {
            serial,
            address: peer.address,
            charter_version: said.charter_version,
            charter: charter.transpose()?,
            program: said.program,
            clock: said.clock,
            holdings: holdings.transpose()?,
        });
        let place = self.arrivals.enter(arriving, Instant::now()).map_err(too_many)?;
        // Whoever called may be gone before it is answered; the session ends in order then too.
        let (answer, seat) = oneshot::channel();
        let actor = self.actor.clone();
        tokio::spawn(async move {
            let arrived = actor.ask(|reply| Command::Arrive { arrival, reply }).await;
            drop(place);
            match arrived {
                Ok(Seat { session, messages, end }) => {
                    // Dropped, the messages end the session.
                    drop(answer.send(Ok(messages)));
                    attend(actor, session, inbound, end).await;
                }
                Err(status) => drop(answer.send(Err(status))),
            }
        });
        seat.await.map_err(|_| Status::internal("the session could not begin"))?
    }
}

fn too_many(wait: Duration) -> Status {
    let seconds = wait.as_secs_f64().ceil();
    let text = format!("too many sites arrive at the moment; come back in {seconds} s");
    come_back_after(Status::unavailable(text), wait)
}

/// Takes what the site says until its session ends, from whichever side.
async fn attend(
    actor: Handle,
    session: SessionId,
    mut inbound: Streaming<AttendRequest>,
    end: End,
) {
    let over = tokio::select! {
        () = end.came() => None,
        over = listen(&actor, &session, &mut inbound) => over.err(),
    };
    if let Some(status) = &over {
        debug!(site = session.site, %status, "a session is over");
        if status.code() == Code::InvalidArgument {
            let (session, reason) = (session.clone(), status.message().to_owned());
            let _ = actor.tell(Command::Malformed { session, reason }).await;
        }
    }
    end.now(over);
    // A coordinator that has stopped needs not be told.
    let _ = actor.tell(Command::Depart { session }).await;
}

async fn listen(
    actor: &Handle,
    session: &SessionId,
    inbound: &mut Streaming<AttendRequest>,
) -> Result<(), Status> {
    while let Some(AttendRequest { body }) = inbound.message().await? {
        let session = session.clone();
        let command = match body {
            Some(Body::FromSite(bytes)) => {
                let message = FromSite::decode(bytes).map_err(malformed)?;
                if matches!(message, FromSite::Tile { .. } | FromSite::Trailer { .. }) {
                    return Err(malformed("a tile or a trailer goes through Upload"));
                }
                Command::Message { session, message: Box::new(message) }
            }
            Some(Body::Consent(bytes)) => {
                let consent = decode_consent(bytes).map_err(malformed)?;
                Command::Consent { session, consent }
            }
            Some(Body::Holdings(said)) => Command::Holds { session, holdings: holdings(&said)? },
            Some(Body::Arrival(_)) => return Err(malformed("a session has one arrival")),
            None => return Err(malformed("this version knows no such message of a site")),
        };
        actor.tell(command).await?;
    }
    Ok(())
}

fn holdings(said: &ripieno_rpc::Holdings) -> Result<Holdings, Status> {
    let given = |field, bytes: &[u8]| (!bytes.is_empty()).then(|| digest(field, bytes)).transpose();
    Ok(Holdings {
        list: said.list,
        digest: given("holdings.digest", &said.digest)?,
        certificate: given("holdings.certificate", &said.certificate)?,
    })
}
