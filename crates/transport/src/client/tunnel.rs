//! The request to a proxy for a connection (RFC 9110 §9.3.6).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::endpoint::Endpoint;
use super::error::{ProxyProblem, Trouble};
use super::proxy::Proxy;

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 8 << 10;
/// The longest words of a status that are passed on, in characters.
const MAX_REASON: usize = 100;
/// The most ways of signing in that are passed on.
const MAX_SCHEMES: usize = 8;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Asks the proxy at the other end of `tcp` for a connection to `target`.
pub(super) async fn open(
    tcp: &mut TcpStream,
    proxy: &Proxy,
    target: &Endpoint,
) -> Result<(), ProxyProblem> {
    let lost = |error| ProxyProblem::Answer(Trouble::from(error));
    tcp.write_all(request(proxy, target).as_bytes()).await.map_err(lost)?;
    let mut head = Vec::with_capacity(1024);
    loop {
        if let Some(answer) = proxy_answer(&head) {
            return answer;
        }
        let room = (MAX_HEAD - head.len()) as u64;
        if (&mut *tcp).take(room).read_buf(&mut head).await.map_err(lost)? == 0 {
            return Err(ProxyProblem::Answer(Trouble::Closed));
        }
    }
}

/// What a proxy answered, as far as it has come: `None` where the head of the answer is not whole
/// yet and may still be one.
///
/// # Errors
/// [`ProxyProblem`] where the proxy does not let this end through, or speaks no HTTP/1.
#[must_use]
pub fn proxy_answer(bytes: &[u8]) -> Option<Result<(), ProxyProblem>> {
    if let Some(end) = bytes.windows(END_OF_HEAD.len()).position(|part| part == END_OF_HEAD) {
        // The coordinator speaks only after it was spoken to: what is here came from the proxy.
        let nothing_after = bytes.len() == end + END_OF_HEAD.len();
        return Some(judge(bytes.get(..end).unwrap_or_default(), nothing_after));
    }
    let given_up = bytes.len() >= MAX_HEAD || !may_be_http(bytes);
    given_up.then_some(Err(ProxyProblem::NotHttp))
}

fn request(proxy: &Proxy, target: &Endpoint) -> Zeroizing<String> {
    let authorization = proxy.authorization().unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(1024 + authorization.len()));
    // A host has no line break in it: an endpoint takes names and addresses only.
    text.push_str(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
    if !authorization.is_empty() {
        text.push_str("Proxy-Authorization: ");
        text.push_str(authorization);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text
}

/// Whether an answer may begin so: what is clearly something else is not waited for.
fn may_be_http(head: &[u8]) -> bool {
    head.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected)
}

fn judge(head: &[u8], nothing_after: bool) -> Result<(), ProxyProblem> {
    let head = str::from_utf8(head).map_err(|_| ProxyProblem::NotHttp)?;
    let (line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let (version, rest) = line.split_once(' ').ok_or(ProxyProblem::NotHttp)?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    let known = digits && ["HTTP/1.1", "HTTP/1.0"].contains(&version);
    let status: u16 = status.parse().ok().filter(|_| known).ok_or(ProxyProblem::NotHttp)?;
    match status {
        200..=299 if nothing_after => Ok(()),
        200..=299 => Err(ProxyProblem::NotHttp),
        407 => Err(ProxyProblem::Authentication { schemes: schemes(fields) }),
        _ => {
            let reason = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
            Err(ProxyProblem::Status { status, reason })
        }
    }
}

/// The ways of signing in that `Proxy-Authenticate` offers, without their parameters.
fn schemes(fields: &str) -> Vec<String> {
    let fields = fields.split("\r\n").filter_map(|line| line.split_once(':'));
    let values = fields.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"));
    let words = values.filter_map(|(_, value)| value.split_whitespace().next());
    let plain =
        words.filter(|word| word.len() <= 32 && word.bytes().all(|b| b.is_ascii_alphanumeric()));
    plain.take(MAX_SCHEMES).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert!(judge(b"HTTP/1.1 200 Connection established\r\nVia: x", true).is_ok());
        assert!(judge(b"HTTP/1.0 200", true).is_ok());
        for head in [&b"HTTP/1.1 20"[..], b"HTTP/1.1 +20 OK", b"HTTP/2 200 OK", b"", b"\xff\xff"] {
            assert!(matches!(judge(head, true), Err(ProxyProblem::NotHttp)), "{head:?}");
        }
        assert!(matches!(judge(b"HTTP/1.1 200 OK", false), Err(ProxyProblem::NotHttp)));
    }

    #[test]
    fn words_of_a_proxy_are_bounded_and_printable() {
        let head = format!("HTTP/1.1 503 \x1b[31m{}", "no".repeat(500));
        let Err(ProxyProblem::Status { status: 503, reason }) = judge(head.as_bytes(), true) else {
            panic!("503 is a status");
        };
        assert!(reason.starts_with("[31mno") && reason.len() == MAX_REASON);
    }

    #[test]
    fn ways_of_signing_in_are_listed() {
        let head = b"HTTP/1.1 407 No\r\nproxy-authenticate: Negotiate\r\nProxy-Authenticate: Basic realm=\"x\"";
        let Err(ProxyProblem::Authentication { schemes }) = judge(head, true) else {
            panic!("407 asks for a sign-in");
        };
        assert_eq!(schemes, ["Negotiate", "Basic"]);
    }
}
