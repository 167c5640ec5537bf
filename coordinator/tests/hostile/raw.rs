//! HTTP/2, written by hand: what no library would send.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use ripieno_transport::client::Connector;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::time::sleep;

use crate::server::in_time;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// What a client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The encrypted connection.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection on which anything can be sent.
pub(crate) struct Raw {
    reader: ReadHalf<Box<dyn Wire>>,
    writer: WriteHalf<Box<dyn Wire>>,
}

/// How a connection was closed: by what the server said, and which streams it broke off.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    pub(crate) reason: Option<u32>,
    pub(crate) said: String,
    pub(crate) reset: BTreeSet<u32>,
}

impl Raw {
    /// A connection over which nothing was said yet.
    pub(crate) async fn dial(connector: &Connector) -> Self {
        let stream = in_time(connector.connect()).await.unwrap();
        let (reader, writer) = tokio::io::split(Box::new(stream) as Box<dyn Wire>);
        Self { reader, writer }
    }

    /// A connection that has begun as all do.
    pub(crate) async fn begin(connector: &Connector) -> Self {
        Self::begin_with(connector, &[]).await
    }

    /// The same with these settings: number and value.
    pub(crate) async fn begin_with(connector: &Connector, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::dial(connector).await;
        let mut payload = Vec::new();
        for (number, value) in settings {
            payload.extend(number.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()).await.unwrap();
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }

    /// Sends this over and over, as fast as it is taken, until the server has had enough. What the
    /// server says is read meanwhile; `bytes` is told how often it was asked.
    pub(crate) async fn flood(self, bytes: impl Fn(usize) -> Vec<u8>) -> Closed {
        self.repeat(Duration::ZERO, bytes).await
    }

    /// The same, with a pause after each.
    pub(crate) async fn repeat(self, pause: Duration, bytes: impl Fn(usize) -> Vec<u8>) -> Closed {
        let Self { reader, mut writer } = self;
        let sending = async move {
            for number in 0.. {
                let sent = writer.write_all(&bytes(number)).await;
                if sent.is_err() || writer.flush().await.is_err() {
                    break;
                }
                sleep(pause).await;
            }
            // Held open, so that it is not this end that closes.
            std::future::pending::<()>().await;
            drop(writer);
        };
        tokio::select! {
            biased;
            closed = in_time(read(reader)) => closed,
            () = sending => unreachable!("it is held open"),
        }
    }

    /// Waits until the server has closed.
    pub(crate) async fn closed(self) -> Closed {
        // This end stays open meanwhile.
        let Self { reader, writer } = self;
        let closed = in_time(read(reader)).await;
        drop(writer);
        closed
    }
}

/// A frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of a call, as literals (RFC 7541 §6.2.2).
pub(crate) fn call(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "coordinator"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// One header of less than 127 bytes each.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let mut field = vec![0, length(name)];
    field.extend(name.bytes());
    field.push(length(value));
    field.extend(value.bytes());
    field
}

/// Reads frames until the other end has closed, in whatever way.
async fn read(mut from: impl AsyncRead + Unpin) -> Closed {
    let mut closed = Closed::default();
    let mut head = [0; 9];
    while from.read_exact(&mut head).await.is_ok() {
        let [a, b, c, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        if from.read_exact(&mut payload).await.is_err() {
            break;
        }
        match kind {
            RST_STREAM => drop(closed.reset.insert(u32::from_be_bytes(stream))),
            GOAWAY => {
                closed.reason =
                    payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
                closed.said = String::from_utf8_lossy(payload.get(8..).unwrap_or_default()).into();
            }
            _ => {}
        }
    }
    closed
}
