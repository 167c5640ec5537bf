//! `coordinator.toml`: what an operator may set.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ripieno_coordinator_engine::Limits as Phases;
use ripieno_rpc::incoming::Patience;
use ripieno_transport::client::Endpoint;
use ripieno_transport::server::Limits as Accept;
use ripieno_transport::{BadName, SubjectName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::folder::Folder;

/// The largest configuration that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;
/// The longest silence before a peer is asked whether it is there, in seconds: with the 10 for its answer
/// it is found within 30 that it is gone.
const MAX_KEEPALIVE: u32 = 20;

/// A coordinator's folder with its settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything is.
    pub folder: Folder,
    /// What `coordinator.toml` says.
    pub settings: Settings,
}

impl Config {
    /// Reads the configuration of a folder.
    ///
    /// # Errors
    /// [`ConfigError`], which names file, line or key.
    pub fn load(folder: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let folder = Folder::at(folder);
        let settings = Settings::load(&folder.config())?;
        Ok(Self { folder, settings })
    }
}

/// All settings. `coordinator.sample.toml` explains each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name of the federation.
    pub federation: String,
    /// Address and port of this machine.
    pub listen: SocketAddr,
    /// `host:port` under which others reach it; at least one.
    pub addresses: Vec<String>,
    /// More names and IP addresses for its certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// How long certificates last.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certificates: Certificates,
    /// What is taken from peers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub connections: ConnectionLimits,
    /// What one researcher may have.
    #[serde(default, skip_serializing_if = "is_default")]
    pub researchers: ResearcherLimits,
    /// How long steps of a round may take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub phases: PhaseLimits,
    /// What may be stored of uploads.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage: Storage,
    /// How it stops.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stop: Stop,
    /// The audit log.
    #[serde(default, skip_serializing_if = "is_default")]
    pub audit: AuditSettings,
    /// Numbers for monitoring.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metrics: MetricsSettings,
}

/// How long certificates and lists last, in days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Certificates {
    /// A site's.
    pub site_days: u16,
    /// The coordinator's own.
    pub server_days: u16,
    /// The list of revoked ones.
    pub revocation_list_days: u16,
}

/// What is taken from peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionLimits {
    /// Connections in all.
    pub most: usize,
    /// Connections from one address.
    pub most_per_address: usize,
    /// Of all, those without a certificate, or in their handshake.
    pub most_without_certificate: usize,
    /// Of those from one address, those without a certificate, or in their handshake.
    pub most_without_certificate_per_address: usize,
    /// Sites that are arriving at the same time; others are told when to come back.
    pub arrivals: usize,
    /// For a handshake, and for the beginning of HTTP/2 after it.
    pub handshake_seconds: u32,
    /// Without a call under way.
    pub idle_seconds: u32,
    /// For the first message of a session.
    pub arrival_seconds: u32,
    /// For the answer to a request that is no stream.
    pub request_seconds: u32,
    /// For the rest of a frame or message, and without a byte in an upload or a download.
    pub stall_seconds: u32,
    /// Until a silent peer is asked whether it is there.
    pub keepalive_seconds: u32,
    /// Enrolments from one address.
    pub enrolments_per_minute: u32,
    /// Enrolments from all addresses.
    pub enrolments_per_minute_in_all: u32,
    /// Messages that wait for one site.
    pub queue_messages: usize,
    /// Bytes that wait for one site.
    pub queue_mebibytes: usize,
}

/// What one researcher may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResearcherLimits {
    /// Studies that run.
    pub running: u32,
    /// Studies that are submitted in a day.
    pub submissions_per_day: u32,
    /// Studies that one watches at the same time.
    pub watches: usize,
    /// Studies that all together watch at the same time.
    pub watches_in_all: usize,
}

/// How long steps of a round may take, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the fields are those of the engine's limits")]
pub struct PhaseLimits {
    pub offer_seconds: u32,
    pub setup_seconds: u32,
    pub collect_seconds: u32,
    pub decide_seconds: u32,
    pub open_seconds: u32,
    pub void_seconds: u32,
    pub settle_seconds: u32,
    pub rejoin_seconds: u32,
    pub restart_seconds: u32,
    pub wait_seconds: u32,
    pub attempts: u32,
    pub slots: u16,
    pub ended: u32,
}

/// What may be stored of uploads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// All together; 0 where only the disk is the bound.
    pub uploads_gibibytes: u64,
}

impl Storage {
    /// Bytes of all uploads together.
    #[must_use]
    pub fn uploads(&self) -> u64 {
        match self.uploads_gibibytes {
            0 => u64::MAX,
            gibibytes => gibibytes.saturating_mul(1 << 30),
        }
    }
}

/// How the coordinator stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// For rounds under way.
    pub drain_seconds: u32,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Every so many entries are signed.
    pub entries_per_signature: NonZeroU64,
}

/// Numbers for monitoring.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSettings {
    /// Address and port of this machine, for its own programs; nowhere where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is not such a file, or a key is unknown; says where.
    #[error("{}: {error}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        error: Box<toml::de::Error>,
    },
    /// A value that cannot be used.
    #[error("{}: {key}: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Settings {
    /// Those of a new coordinator, with defaults.
    #[must_use]
    pub fn new(federation: String, listen: SocketAddr, addresses: Vec<String>) -> Self {
        Self {
            federation,
            listen,
            addresses,
            names: Vec::new(),
            certificates: Certificates::default(),
            connections: ConnectionLimits::default(),
            researchers: ResearcherLimits::default(),
            phases: PhaseLimits::default(),
            storage: Storage::default(),
            stop: Stop::default(),
            audit: AuditSettings::default(),
            metrics: MetricsSettings::default(),
        }
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`], which names file, line or key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |error| ConfigError::Read { path: path.to_owned(), error };
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > MAX_CONFIG {
            let reason = format!("{bytes} bytes: this is not the file that was meant");
            return Err(ConfigError::Value { path: path.to_owned(), key: "the file", reason });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(&text, path)
    }

    /// Takes the text of a configuration; `path` is for errors.
    ///
    /// # Errors
    /// [`ConfigError`], which names line or key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let settings: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            error: Box::new(error),
        })?;
        let wrong = |(key, reason)| ConfigError::Value { path: path.to_owned(), key, reason };
        settings.check().map_err(wrong)?;
        Ok(settings)
    }

    /// Whether all values can be used; else the key and what is wrong.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        self.subject().map_err(|error| ("federation", error.to_string()))?;
        if self.addresses.is_empty() {
            return Err(("addresses", "name at least one host:port".to_owned()));
        }
        for address in &self.addresses {
            let endpoint = address.parse::<Endpoint>();
            endpoint.map_err(|error| ("addresses", error.to_string()))?;
        }
        if !(1..=ripieno_secagg::params::MAX_SLOTS).contains(&self.phases.slots) {
            let most = ripieno_secagg::params::MAX_SLOTS;
            return Err(("phases.slots", format!("1 to {most}")));
        }
        if !(1..=MAX_KEEPALIVE).contains(&self.connections.keepalive_seconds) {
            let reason = format!(
                "1 to {MAX_KEEPALIVE}: a peer that is gone is found within 30 seconds, of which 10 are \
                 for its answer"
            );
            return Err(("connections.keepalive_seconds", reason));
        }
        if self.metrics.listen.is_some_and(|address| !address.ip().is_loopback()) {
            let reason = "an address of this machine alone, such as 127.0.0.1:9464: whoever reaches \
                          it can read";
            return Err(("metrics.listen", reason.to_owned()));
        }
        self.check_positive()
    }

    /// The names and IP addresses for the coordinator's certificate, each once.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let endpoints = self.addresses.iter().filter_map(|text| text.parse::<Endpoint>().ok());
        let mut hosts: Vec<String> = endpoints.map(|one| one.host().to_owned()).collect();
        hosts.extend(self.names.iter().cloned());
        let mut seen = BTreeSet::new();
        hosts.retain(|host| seen.insert(host.to_ascii_lowercase()));
        hosts
    }

    /// The name of the federation for certificates.
    ///
    /// # Errors
    /// Where it is no name.
    pub fn subject(&self) -> Result<SubjectName, BadName> {
        self.federation.parse()
    }

    fn check_positive(&self) -> Result<(), (&'static str, String)> {
        let (limits, days, each) = (&self.connections, &self.certificates, &self.researchers);
        let values = [
            ("certificates.site_days", usize::from(days.site_days)),
            ("certificates.server_days", usize::from(days.server_days)),
            ("certificates.revocation_list_days", usize::from(days.revocation_list_days)),
            ("connections.most", limits.most),
            ("connections.most_per_address", limits.most_per_address),
            ("connections.most_without_certificate", limits.most_without_certificate),
            (
                "connections.most_without_certificate_per_address",
                limits.most_without_certificate_per_address,
            ),
            ("connections.arrivals", limits.arrivals),
            ("connections.idle_seconds", limits.idle_seconds as usize),
            ("connections.handshake_seconds", limits.handshake_seconds as usize),
            ("connections.arrival_seconds", limits.arrival_seconds as usize),
            ("connections.request_seconds", limits.request_seconds as usize),
            ("connections.stall_seconds", limits.stall_seconds as usize),
            ("connections.enrolments_per_minute", limits.enrolments_per_minute as usize),
            (
                "connections.enrolments_per_minute_in_all",
                limits.enrolments_per_minute_in_all as usize,
            ),
            ("connections.queue_messages", limits.queue_messages),
            ("connections.queue_mebibytes", limits.queue_mebibytes),
            ("phases.ended", self.phases.ended as usize),
            ("researchers.running", each.running as usize),
            ("researchers.submissions_per_day", each.submissions_per_day as usize),
            ("researchers.watches", each.watches),
            ("researchers.watches_in_all", each.watches_in_all),
        ];
        match values.iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => Err((key, "must be at least 1".to_owned())),
            None => limits.check_places(),
        }
    }
}

impl ConnectionLimits {
    /// The bounds of the listener.
    #[must_use]
    pub fn accept(&self) -> Accept {
        Accept {
            handshake: seconds(self.handshake_seconds),
            first_bytes: seconds(self.handshake_seconds),
            connections: self.most,
            connections_per_peer: self.most_per_address,
            strangers: self.most_without_certificate,
            strangers_per_peer: self.most_without_certificate_per_address,
            ..Accept::default()
        }
    }

    /// For how long a peer is waited for.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience {
            preface: seconds(self.handshake_seconds),
            frame: self.stall(),
            idle: seconds(self.idle_seconds),
            taken: self.stall(),
        }
    }

    /// Whether sites have places that nobody else can take.
    fn check_places(&self) -> Result<(), (&'static str, String)> {
        let parts = [
            (
                "connections.most_without_certificate",
                self.most_without_certificate,
                ("most", self.most),
            ),
            (
                "connections.most_without_certificate_per_address",
                self.most_without_certificate_per_address,
                ("most_per_address", self.most_per_address),
            ),
        ];
        match parts.into_iter().find(|(_, part, (_, all))| part >= all) {
            Some((key, _, (of, all))) => {
                Err((key, format!("must be less than {of} = {all}: the rest is for sites")))
            }
            None => Ok(()),
        }
    }

    /// For the first message of a session.
    #[must_use]
    pub fn arrival(&self) -> Duration {
        seconds(self.arrival_seconds)
    }

    /// For the answer to a request that is no stream.
    #[must_use]
    pub fn request(&self) -> Duration {
        seconds(self.request_seconds)
    }

    /// Without a byte in an upload or a download.
    #[must_use]
    pub fn stall(&self) -> Duration {
        seconds(self.stall_seconds)
    }

    /// Until a silent peer is asked whether it is there.
    #[must_use]
    pub fn keepalive(&self) -> Duration {
        seconds(self.keepalive_seconds)
    }

    /// Bytes that wait for one site.
    #[must_use]
    pub fn queue_bytes(&self) -> usize {
        self.queue_mebibytes.saturating_mul(1 << 20)
    }
}

impl Stop {
    /// For rounds under way.
    #[must_use]
    pub fn drain(&self) -> Duration {
        seconds(self.drain_seconds)
    }
}

impl From<&PhaseLimits> for Phases {
    fn from(limits: &PhaseLimits) -> Self {
        Self {
            offer: seconds(limits.offer_seconds),
            setup: seconds(limits.setup_seconds),
            collect: seconds(limits.collect_seconds),
            decide: seconds(limits.decide_seconds),
            open: seconds(limits.open_seconds),
            void: seconds(limits.void_seconds),
            settle: seconds(limits.settle_seconds),
            rejoin: seconds(limits.rejoin_seconds),
            restart: seconds(limits.restart_seconds),
            wait: seconds(limits.wait_seconds),
            attempts: limits.attempts,
            slots: limits.slots,
            ended: usize::try_from(limits.ended).unwrap_or(usize::MAX),
        }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self { site_days: 90, server_days: 90, revocation_list_days: 14 }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            most: 1024,
            most_per_address: 64,
            most_without_certificate: 256,
            most_without_certificate_per_address: 32,
            arrivals: 128,
            handshake_seconds: 10,
            idle_seconds: 15,
            arrival_seconds: 15,
            request_seconds: 30,
            stall_seconds: 15,
            keepalive_seconds: 15,
            enrolments_per_minute: 10,
            enrolments_per_minute_in_all: 300,
            queue_messages: 1024,
            queue_mebibytes: 64,
        }
    }
}

impl Default for PhaseLimits {
    fn default() -> Self {
        Self {
            offer_seconds: 60,
            setup_seconds: 30,
            collect_seconds: 600,
            decide_seconds: 60,
            open_seconds: 60,
            void_seconds: 60,
            settle_seconds: 600,
            rejoin_seconds: 5,
            restart_seconds: 30,
            wait_seconds: 7 * 24 * 3600,
            attempts: 200,
            slots: ripieno_secagg::params::MAX_SLOTS,
            ended: 64,
        }
    }
}

impl Default for ResearcherLimits {
    fn default() -> Self {
        Self { running: 8, submissions_per_day: 100, watches: 8, watches_in_all: 64 }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { uploads_gibibytes: 64 }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self { drain_seconds: 20 }
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { entries_per_signature: NonZeroU64::MIN.saturating_add(15) }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../coordinator.sample.toml");

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        Settings::parse(text, Path::new("coordinator.toml"))
    }

    /// With every line that is commented out put in force.
    fn uncommented() -> String {
        let setting = |line: &str| {
            let (key, value) = line.strip_prefix("# ")?.split_once(" = ")?;
            (!key.contains(' ')).then(|| format!("{key} = {value}"))
        };
        SAMPLE.lines().map(|line| setting(line).unwrap_or(line.to_owned()) + "\n").collect()
    }

    #[test]
    fn the_sample_says_what_holds_without_its_commented_lines() {
        let (plain, full) = (parse(SAMPLE).unwrap(), parse(&uncommented()).unwrap());
        assert_ne!(SAMPLE, uncommented());
        assert_eq!(toml::to_string(&plain).unwrap(), toml::to_string(&full).unwrap());
    }

    #[test]
    fn the_sample_names_every_setting() {
        let settings = toml::Table::try_from(Everything::of(parse(SAMPLE).unwrap())).unwrap();
        let text = uncommented();
        for (section, values) in settings {
            let Some(values) = values.as_table() else {
                assert!(text.contains(&format!("\n{section} = ")), "{section}");
                continue;
            };
            for key in values.keys() {
                assert!(text.contains(&format!("\n{key} = ")), "{section}.{key}");
            }
        }
    }

    /// The settings with the sections that are at their defaults.
    #[derive(Serialize)]
    struct Everything {
        federation: String,
        certificates: Certificates,
        connections: ConnectionLimits,
        researchers: ResearcherLimits,
        phases: PhaseLimits,
        storage: Storage,
        stop: Stop,
        audit: AuditSettings,
    }

    impl Everything {
        fn of(settings: Settings) -> Self {
            let Settings {
                federation,
                certificates,
                connections,
                researchers,
                phases,
                storage,
                stop,
                audit,
                ..
            } = settings;
            Self {
                federation,
                certificates,
                connections,
                researchers,
                phases,
                storage,
                stop,
                audit,
            }
        }
    }

    #[test]
    fn the_defaults_of_phases_are_the_engines() {
        let (ours, theirs) = (Phases::from(&PhaseLimits::default()), Phases::default());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }

    #[test]
    fn uploads_never_fill_the_disk_unasked() {
        assert_eq!(Storage::default().uploads(), 64 << 30);
        assert_eq!(Storage { uploads_gibibytes: 0 }.uploads(), u64::MAX);
    }

    /// Whoever is gone is found within half a minute.
    #[test]
    fn repro_the_question_whether_a_peer_is_there_comes_in_time() {
        assert_eq!(parse(&keepalive(20)).unwrap().connections.keepalive_seconds, 20);
        parse(&keepalive(21)).unwrap_err();
    }

    fn keepalive(seconds: u32) -> String {
        let changed = format!("keepalive_seconds = {seconds}");
        SAMPLE.replace("# keepalive_seconds = 15", &changed)
    }

    #[test]
    fn what_is_unknown_or_impossible_is_named() {
        let cases = [
            (SAMPLE.replace("listen", "listens"), "listens"),
            (SAMPLE.replace("# slots = 64", "slots = 65"), "phases.slots"),
            (SAMPLE.replace("# most = 1024", "most = 0"), "connections.most"),
            (keepalive(0), "connections.keepalive_seconds: 1 to 20"),
            (keepalive(21), "connections.keepalive_seconds: 1 to 20"),
            (
                SAMPLE
                    .replace("# most_without_certificate = 256", "most_without_certificate = 1024"),
                "connections.most_without_certificate: must be less",
            ),
            (SAMPLE.replace(r#""North""#, r#""No/rth""#), "federation"),
            (SAMPLE.replace("north.example:7443", "north.example"), "addresses"),
            (SAMPLE.replace("[metrics]", "[metrics]\nlisten = \"0.0.0.0:9464\""), "metrics.listen"),
        ];
        for (text, named) in cases {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains("coordinator.toml") && error.contains(named), "{error}");
        }
    }
}
