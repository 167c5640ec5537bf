//! `site.toml`: what a site is told by its people.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ripieno_catalog::{Roots, Source};
use ripieno_identity::PublicKey;
use ripieno_transport::SubjectName;
use ripieno_transport::client::{BadProxy, Endpoint, ProxySettings};
use serde::{Deserialize, Deserializer};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::layout::Layout;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// The most data sets.
const MAX_DATA_SETS: usize = 1024;
/// The longest wait between two attempts that can be set, in seconds.
const MAX_WAIT: f64 = 3600.0;
/// The shortest.
const MIN_WAIT: f64 = 0.05;

/// A site's folder with its configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder.
    pub layout: Layout,
    /// What `site.toml` says.
    pub site: SiteFile,
}

/// What `site.toml` says; see `client/site.sample.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SiteFile {
    /// The site's name: 1 to 64 letters, digits, spaces, dots, dashes or underscores.
    #[serde(deserialize_with = "name")]
    pub name: SubjectName,
    /// Where the coordinator is, once the site has enrolled.
    pub coordinator: Option<Coordinator>,
    /// The proxy on the way there; `none` for none, whatever the environment says.
    proxy: Option<ProxyText>,
    /// The file with the site's policy, from the folder on.
    #[serde(default = "policy")]
    pub policy: PathBuf,
    /// The file with the site's own policies about columns, from the folder on.
    pub policies: Option<PathBuf>,
    /// The folders in which tables must lie, from the site's folder on; anywhere where there are none.
    #[serde(default)]
    roots: Vec<PathBuf>,
    /// The tables.
    #[serde(default)]
    pub data: Vec<DataEntry>,
    /// How the site tries again.
    #[serde(default)]
    pub retry: Retry,
}

/// The other end, as the invitation named it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coordinator {
    /// Host and port.
    #[serde(deserialize_with = "endpoint")]
    pub address: Endpoint,
    /// Its key: every charter must name it.
    pub key: PublicKey,
    /// The name of the federation.
    pub federation: String,
}

/// A table and the name under which studies find it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataEntry {
    /// The data set's name.
    pub name: String,
    /// Its file, CSV or `.parquet`, from the folder on.
    pub path: PathBuf,
}

/// How long the site waits between two attempts to connect: twice as long each time, less a random
/// part of up to a half.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// At first, in seconds: 0.05 to 3600.
    pub first_seconds: f64,
    /// At last, in seconds: no less than at first, at most 3600.
    pub longest_seconds: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_seconds: 0.5, longest_seconds: 60.0 }
    }
}

impl Retry {
    /// The first wait.
    #[must_use]
    pub fn first(&self) -> Duration {
        Duration::from_secs_f64(self.first_seconds.clamp(MIN_WAIT, MAX_WAIT))
    }

    /// The longest wait.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_secs_f64(self.longest_seconds.clamp(MIN_WAIT, MAX_WAIT))
    }
}

/// A proxy's URL; it may hold a password.
#[derive(Clone)]
struct ProxyText(Zeroizing<String>);

impl<'de> Deserialize<'de> for ProxyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for ProxyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is none.
    #[error("{} is missing: this is not the folder of a site", .0.display())]
    Missing(PathBuf),
    /// The system does not let it be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A mistake in the file.
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value that cannot be.
    #[error("{}: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The proxy is none.
    #[error("{0}")]
    Proxy(#[from] BadProxy),
}

impl Config {
    /// Reads the configuration of a site's folder.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and column.
    pub fn load(dir: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let layout = Layout::at(dir);
        let path = layout.config();
        let text = read(&path)?;
        let site = SiteFile::parse(&text, &path)?;
        Ok(Self { layout, site })
    }

    /// The tables, their paths from the site's folder on.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let source = |entry: &DataEntry| Source {
            name: entry.name.clone(),
            path: self.layout.dir().join(&entry.path),
        };
        self.site.data.iter().map(source).collect()
    }

    /// Where the site's own policies about columns are, if it has any.
    #[must_use]
    pub fn policies(&self) -> Option<PathBuf> {
        self.site.policies.as_ref().map(|path| self.layout.dir().join(path))
    }

    /// The folders in which tables must lie.
    #[must_use]
    pub fn roots(&self) -> Option<Roots> {
        let roots = self.site.roots.iter().map(|root| self.layout.dir().join(root));
        (!self.site.roots.is_empty()).then(|| Roots::new(roots))
    }

    /// The policy's file.
    #[must_use]
    pub fn policy(&self) -> PathBuf {
        self.layout.dir().join(&self.site.policy)
    }

    /// The proxy on the way to the coordinator: of the file, or of the environment.
    ///
    /// # Errors
    /// [`BadProxy`], which names the setting and not its value.
    pub fn proxy(&self) -> Result<ProxySettings, BadProxy> {
        self.site.proxy(|name| std::env::var(name).ok())
    }
}

impl SiteFile {
    /// Takes the text of a configuration; `path` is for errors.
    ///
    /// # Errors
    /// [`ConfigError`], with line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let site: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(text.len(), |span| span.start));
            // The message alone: the whole error quotes the line, which may hold a password.
            let reason = error.message().replace('\n', "; ");
            ConfigError::Syntax { path: path.to_owned(), line, column, reason }
        })?;
        site.check().map_err(|reason| ConfigError::Value { path: path.to_owned(), reason })?;
        Ok(site)
    }

    fn proxy(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<ProxySettings, BadProxy> {
        let own = self.proxy.as_ref().map(|text| text.0.as_str());
        if own.is_some_and(|text| text.eq_ignore_ascii_case("none")) {
            return Ok(ProxySettings::none());
        }
        let variable = |name: &str| match own {
            Some(text) if name == "https_proxy" => Some(text.to_owned()),
            _ => environment(name),
        };
        ProxySettings::from_variables(variable).map_err(|bad| match own {
            Some(_) => BadProxy { variable: "proxy in site.toml".into(), ..bad },
            None => bad,
        })
    }

    fn check(&self) -> Result<(), String> {
        let Retry { first_seconds, longest_seconds } = self.retry;
        let range = MIN_WAIT..=MAX_WAIT;
        if !range.contains(&first_seconds) || !range.contains(&longest_seconds) {
            return Err(format!("[retry]: waits are {MIN_WAIT} to {MAX_WAIT} seconds"));
        }
        if longest_seconds < first_seconds {
            return Err("[retry]: longest_seconds is below first_seconds".into());
        }
        if self.data.len() > MAX_DATA_SETS {
            return Err(format!("at most {MAX_DATA_SETS} data sets can be registered"));
        }
        let doubled = self.data.iter().enumerate().find(|(i, entry)| {
            let before = self.data.iter().take(*i);
            before.into_iter().any(|other| other.name == entry.name)
        });
        if let Some((_, entry)) = doubled {
            return Err(format!("the data set {:?} stands twice", entry.name));
        }
        match self.data.iter().find(|entry| entry.name.trim().is_empty()) {
            Some(_) => Err("a data set has no name".into()),
            None => Ok(()),
        }
    }
}

/// Reads a small text file.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Read { path: path.to_owned(), source },
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE {
        let reason = format!("larger than {MAX_FILE} bytes: this is not the file that was meant");
        return Err(ConfigError::Value { path: path.to_owned(), reason });
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

fn policy() -> PathBuf {
    "policy.toml".into()
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SubjectName, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Endpoint, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SiteFile, ConfigError> {
        SiteFile::parse(text, Path::new("site.toml"))
    }

    #[test]
    fn a_name_is_enough() {
        let site = parse("name = \"st-anna\"\n").unwrap();
        assert_eq!(site.policy, Path::new("policy.toml"));
        assert_eq!((site.retry, site.data.len()), (Retry::default(), 0));
        assert!(site.coordinator.is_none());
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_without_their_line() {
        let error = parse("name = \"a\"\nproxi = \"http://n:s3cret@p:1\"\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("site.toml, line 2, column 1: unknown field"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        for (text, expected) in [
            ("name = \"a,b\"", "letters, digits"),
            ("name = \"a\"\n[retry]\nfirst_seconds = 0\n", "0.05 to 3600"),
            ("name = \"a\"\n[retry]\nfirst_seconds = 9\nlongest_seconds = 2\n", "below"),
            ("name = \"a\"\n[[data]]\nname = \"\"\npath = \"x\"\n", "no name"),
            (
                "name = \"a\"\ndata = [{ name = \"t\", path = \"x\" }, { name = \"t\", path = \"y\" }]\n",
                "twice",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_proxy_of_the_file_goes_before_that_of_the_environment() {
        let target = "c.example.org:8443".parse().unwrap();
        let proxy = |text: &str| {
            let site = parse(text).unwrap();
            let environment =
                |name: &str| (name == "HTTPS_PROXY").then(|| "http://outside:2".to_owned());
            let settings = site.proxy(environment).unwrap();
            settings.on_the_way_to(&target).map(|proxy| proxy.endpoint().to_string())
        };
        assert_eq!(proxy("name = \"a\""), Some("outside:2".into()));
        assert_eq!(proxy("name = \"a\"\nproxy = \"http://own:1\""), Some("own:1".into()));
        assert_eq!(proxy("name = \"a\"\nproxy = \"none\""), None);
    }

    #[test]
    fn a_password_is_never_printed() {
        let site = parse("name = \"a\"\nproxy = \"socks5://n:s3cret@p:1\"").unwrap();
        let error = site.proxy(|_| None).unwrap_err();
        let text = format!("{site:?} {error}");
        assert!(text.contains("proxy in site.toml") && !text.contains("s3cret"), "{text}");
    }
}
