//! The coordinator's numbers, as a program of its machine asks for them.

use std::collections::BTreeMap;

use ripieno_tests::{Federation, Kind, made, until, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{DONE, complete, setup};

/// Values of a vector; each takes two lanes of 8 bytes.
const LENGTH: usize = 50;

/// What one request is answered.
async fn fetch(federation: &Federation, request: &str) -> String {
    let address = federation.coordinator.status().await.metrics.expect("it shows metrics");
    let fetched = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    within(DONE, "an answer", fetched).await
}

/// The numbers, by their names with labels.
async fn scrape(federation: &Federation) -> (String, BTreeMap<String, f64>) {
    let text = fetch(federation, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").await;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("openmetrics-text"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    let values = body.lines().filter(|line| !line.starts_with('#'));
    let value = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    let values = values.map(|line| value(line).unwrap_or_else(|| panic!("{line}"))).collect();
    (body.to_owned(), values)
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_are_counted_and_timed_and_nobody_is_named() {
    let federation = setup(Kind::InProcess, 4).metrics().found().await;
    let (_, before) = scrape(&federation).await;
    assert_eq!(before["ripieno_rounds_opened_total"], 0.0);
    complete(&federation, &made::vector("unmistakable", LENGTH, 3, made::WIDE)).await;
    let wanted = [
        ("ripieno_rounds_started_total", 3.0),
        ("ripieno_rounds_opened_total", 3.0),
        ("ripieno_slots_voided_total", 0.0),
        ("ripieno_uploads_total", 12.0),
        ("ripieno_upload_bytes_total", (3 * 4 * LENGTH * 16) as f64),
        ("ripieno_phase_seconds_count{phase=\"collecting\"}", 3.0),
        ("ripieno_phase_seconds_count{phase=\"opening\"}", 3.0),
        ("ripieno_phase_seconds_count{phase=\"voiding\"}", 0.0),
        ("ripieno_epochs_total{result=\"ready\"}", 1.0),
        ("ripieno_refusals_total{check=\"S4\"}", 0.0),
        ("ripieno_studies_ended_total{how=\"done\"}", 1.0),
        ("ripieno_studies_running", 0.0),
        ("ripieno_sites_connected", 4.0),
    ];
    let text = until(DONE, "what was counted", || async {
        let (text, values) = scrape(&federation).await;
        let wrong = wanted.iter().find(|(name, value)| values.get(*name) != Some(value));
        wrong.map_or(Ok(text), |(name, value)| Err(format!("{name} {value}: {values:?}")))
    })
    .await;
    let (_, values) = scrape(&federation).await;
    assert!(values["ripieno_commit_seconds_count"] > 10.0);
    assert!(values.contains_key("ripieno_spool_bytes"));
    let named = federation.sites.iter().map(|site| site.name.as_str()).chain(["unmistakable"]);
    assert!(named.into_iter().all(|name| !text.contains(name)), "{text}");
    assert_eq!(values.len(), before.len(), "labels have few values, all known from the start");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_page_of_numbers_is_shown() {
    let federation = setup(Kind::InProcess, 4).metrics().found().await;
    let other = fetch(&federation, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
    let post = "POST /metrics HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n";
    let post = fetch(&federation, post).await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    let quiet = setup(Kind::InProcess, 4).found().await;
    assert_eq!(quiet.coordinator.status().await.metrics, None, "off where nobody asked for it");
}
