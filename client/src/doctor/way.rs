//! The way to the coordinator: name, port, proxy, TLS, certificate, gRPC, clock.

use std::time::Duration;

use bytes::Bytes;
use ripieno_identity::RatifiedCharter;
use ripieno_rpc::attend_request::Body as Said;
use ripieno_rpc::attend_response::Body as Heard;
use ripieno_rpc::{Arrival, AttendRequest, Welcome};
use ripieno_terminal::Exit;
use ripieno_transport::TrustedAuthorities;
use ripieno_transport::client::{
    CertificateProblem, ConnectError, Connector, Endpoint, ProxyProblem, Step as Part,
};
use tokio::time::timeout;

use super::here::Running;
use super::step::Step;
use crate::clock::now;
use crate::config::Config;
use crate::link::{self, Client, Credentials, Problem};
use crate::program;
use crate::state::load_charters;

/// How long the coordinator may take to say its first word.
const WELCOME: Duration = Duration::from_secs(60);
/// Seconds that two clocks may be apart.
const CLOCK: u64 = 120;

/// The parts of a connection in their order, under the names that are shown.
const PARTS: [(Part, &str); 5] = [
    (Part::Name, "name"),
    (Part::Port, "port"),
    (Part::Proxy, "proxy"),
    (Part::Tls, "TLS"),
    (Part::Certificate, "certificate"),
];

/// What to do where another authority has the name of the one that is trusted here.
const REPLACED: &str = "call the federation's operator, on a number that you know: was the authority \
     replaced while this site was away (authority status)? Then it is invited again under its own name \
     (coordinator invite SITE), and enrols with that in this folder: its key stays. Was it not, do not go \
     on: somebody poses as the coordinator";

pub(super) async fn examine(
    config: &Config,
    credentials: Option<&Credentials>,
    daemon: &Running,
) -> Vec<Step> {
    let Some(credentials) = credentials else {
        return vec![Step::not_tried("connection", "there is no certificate to connect with")];
    };
    let connector = match link::connector(config, credentials) {
        Ok(connector) => connector,
        Err(error) => {
            let Problem { text, advice, exit } = (&error).into();
            return vec![Step::bad("connection", "site.toml", exit, text, advice)];
        }
    };
    let mut steps: Vec<Step> = match connector.probe().await {
        Ok(_) => PARTS.iter().filter_map(|(part, name)| good(*part, name, &connector)).collect(),
        Err(error) => {
            let mut steps = failed(&error, &connector, &credentials.trusted);
            steps.push(Step::not_tried("gRPC", "there is no connection"));
            steps.push(clock_of(&error));
            return steps;
        }
    };
    let connected = daemon.status.as_ref().filter(|status| status.connection == "connected");
    match connected {
        // A second session would end the daemon's.
        Some(_) => {
            steps.push(Step::good("gRPC", "the running daemon is connected"));
            steps.push(Step::good("clock", "the running daemon compares it at each connection"));
        }
        None => steps.extend(session(link::client(connector), held(config).as_ref()).await),
    }
    steps
}

/// A part that went well.
fn good(part: Part, name: &'static str, connector: &Connector) -> Option<Step> {
    let target = connector.target();
    let proxy = connector.proxy().map(ripieno_transport::client::Proxy::endpoint);
    let tried = match (part, proxy) {
        (Part::Name, None) => format!("{} has an address", target.host()),
        (Part::Name, Some(proxy)) => format!("{} has an address", proxy.host()),
        (Part::Port, None) => format!("{target} answers"),
        (Part::Port, Some(proxy)) => format!("{proxy} answers"),
        (Part::Proxy, None) => return None,
        (Part::Proxy, Some(proxy)) => format!("{proxy} lets this machine through to {target}"),
        (Part::Tls, _) => "version 1.3, HTTP/2, nobody looks inside".to_owned(),
        (Part::Certificate, _) => "each end takes the other's".to_owned(),
    };
    Some(Step::good(name, tried))
}

/// All parts of a connection that did not come about.
fn failed(error: &ConnectError, connector: &Connector, trusted: &TrustedAuthorities) -> Vec<Step> {
    let at = error.step();
    let part = |(part, name): &(Part, &'static str)| match part.cmp(&at) {
        std::cmp::Ordering::Less => good(*part, name, connector),
        std::cmp::Ordering::Greater if *part == Part::Proxy && connector.proxy().is_none() => None,
        std::cmp::Ordering::Greater => Some(Step::not_tried(name, "a step before it failed")),
        std::cmp::Ordering::Equal => {
            let Problem { text, advice, exit } = error.into();
            let tried = connector.target().to_string();
            if is_replaced(error, trusted) {
                return Some(Step::bad(name, tried, exit, text, REPLACED));
            }
            Some(Step::bad(name, tried, exit, text, advice).asking(ask(error, connector)))
        }
    };
    PARTS.iter().filter_map(part).collect()
}

/// Whether the coordinator shows a certificate by an authority of the federation's name with another
/// key: no device of the network's own calls itself so.
fn is_replaced(error: &ConnectError, trusted: &TrustedAuthorities) -> bool {
    let ConnectError::Certificate {
        problem: CertificateProblem::UnknownAuthority { issuer }, ..
    } = error
    else {
        return false;
    };
    let federation = |subject: &str| Some(subject.rsplit_once(", CN=authority ")?.0.to_owned());
    let theirs = federation(issuer);
    theirs.is_some() && trusted.certificates().iter().any(|own| federation(own.subject()) == theirs)
}

/// Words that the network team can work with.
fn ask(error: &ConnectError, connector: &Connector) -> Option<String> {
    let target = connector.target();
    Some(match error {
        ConnectError::Name { host, .. } => format!(
            "Please let this machine resolve {host}, or tell us which HTTP proxy it must use to \
             reach {target}."
        ),
        ConnectError::Port { .. } => format!(
            "Please allow outbound TCP from this machine to {target}. It is one long-lived TLS 1.3 \
             connection; nothing comes in."
        ),
        ConnectError::Proxy { proxy, problem, .. } => ask_about_proxy(proxy, target, problem),
        ConnectError::Tls { .. } => format!(
            "Please exempt {target} from inspection: the connection is TLS 1.3 with HTTP/2 (ALPN \
             h2) and certificates at both ends, and a device in between breaks it."
        ),
        ConnectError::Certificate {
            problem: CertificateProblem::UnknownAuthority { issuer },
            ..
        } => format!(
            "Connections from this machine to {target} show a certificate issued by {issuer}. \
             Please exempt {target} from TLS inspection; its own certificate must come through \
             unchanged."
        ),
        _ => return None,
    })
}

fn ask_about_proxy(proxy: &Endpoint, target: &Endpoint, problem: &ProxyProblem) -> String {
    match problem {
        ProxyProblem::Name(_) | ProxyProblem::Port(_) | ProxyProblem::NotHttp => format!(
            "Is {proxy} the right HTTP proxy for this machine? It must pass CONNECT to {target}."
        ),
        _ => format!(
            "Please let the proxy {proxy} pass CONNECT to {target} from this machine, without \
             looking inside and without a limit of time: it is one long-lived TLS connection."
        ),
    }
}

/// What a failed connection says about the clock.
fn clock_of(error: &ConnectError) -> Step {
    let ConnectError::Certificate { problem, .. } = error else {
        return Step::not_tried("clock", "it is compared with the coordinator's");
    };
    match problem {
        CertificateProblem::Expired { .. } | CertificateProblem::NotYetValid { .. } => Step::bad(
            "clock",
            "the coordinator's certificate against this machine's clock",
            Exit::Unreachable,
            problem.to_string(),
            "compare this machine's clock with the true time, and set it by NTP",
        ),
        _ => Step::not_tried("clock", "it is compared with the coordinator's"),
    }
}

/// The charter in force here. That its file cannot be read is a step of its own.
fn held(config: &Config) -> Option<RatifiedCharter> {
    load_charters(&config.layout.charters()).ok()?.pop()
}

/// Begins a session as the daemon does, hears the welcome, and leaves: a coordinator that has
/// another charter than this site turns it away.
async fn session(mut client: Client, held: Option<&RatifiedCharter>) -> Vec<Step> {
    const TRIED: &str = "a session was begun and the coordinator answered";
    let arrival = Arrival {
        charter_version: held.map_or(0, |held| held.charter().fields().version),
        charter: held.map(|held| Bytes::copy_from_slice(held.digest().as_bytes())),
        program: env!("CARGO_PKG_VERSION").into(),
        clock: now(),
        holdings: None,
    };
    // The stream stays open until the welcome has come.
    let (_open, rest) = tokio::sync::mpsc::channel(1);
    let first = tokio_stream::once(AttendRequest { body: Some(Said::Arrival(arrival)) });
    let rest = tokio_stream::wrappers::ReceiverStream::new(rest);
    let welcome = async {
        let mut heard =
            client.attend(tokio_stream::StreamExt::chain(first, rest)).await?.into_inner();
        heard.message().await
    };
    let bad = |Problem { text, advice, exit }: Problem| {
        let ask =
            "Please let HTTP/2 streams through that stay open for days and are silent for up \
                   to 20 seconds."
                .to_owned();
        let step = Step::bad("gRPC", "a session was begun", exit, text, advice);
        let step = if exit == Exit::Unreachable { step.asking(Some(ask)) } else { step };
        vec![step, Step::not_tried("clock", "it is compared with the coordinator's")]
    };
    match timeout(WELCOME, welcome).await {
        Ok(Ok(Some(ripieno_rpc::AttendResponse { body: Some(Heard::Welcome(welcome)) }))) => {
            vec![Step::good("gRPC", TRIED), judge_clock(&welcome, now())]
        }
        Ok(Err(status)) => bad((&status).into()),
        _ => bad(Problem {
            text: "the connection stands and the coordinator says nothing".into(),
            advice: format!(
                "run {} doctor again; if it stays so, ask the federation's operator whether the \
                 coordinator works, then the network team",
                program()
            ),
            exit: Exit::Unreachable,
        }),
    }
}

fn judge_clock(welcome: &Welcome, own: u64) -> Step {
    let apart = own.abs_diff(welcome.clock);
    let tried = format!("{apart} s from the coordinator's");
    if apart <= CLOCK {
        return Step::good("clock", tried);
    }
    let way = if own > welcome.clock { "ahead of" } else { "behind" };
    Step::bad(
        "clock",
        tried,
        Exit::Output,
        format!("this machine's clock is {apart} s {way} the coordinator's"),
        "set this machine's clock by NTP; if it is right, tell the federation's operator",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_two_minutes() {
        let welcome = Welcome { clock: 1_000_000, program: String::new() };
        assert_eq!(judge_clock(&welcome, 1_000_120).exit(), None);
        for (own, way) in [(1_000_121, "121 s ahead of"), (999_000, "1000 s behind")] {
            let step = judge_clock(&welcome, own);
            assert_eq!(step.exit(), Some(Exit::Output));
            assert!(format!("{step:?}").contains(way), "{step:?}");
        }
    }
}
