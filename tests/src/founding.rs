//! How a federation of a test comes to be: the way real ones do.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ripieno_rpc::{InviteRequest, ProposeCharterRequest};
use ripieno_wire::membership::decode_charter;
use ripieno_wire::{Invitation, decode_credential};

use crate::coordinator::{Coordinator, Special};
use crate::federation::{COORDINATOR, Federation, Programs};
use crate::logs::Logs;
use crate::made;
use crate::process::run;
use crate::relay::Relay;
use crate::researcher::{Researcher, new_key};
use crate::running::Kind;
use crate::settings;
use crate::site::Site;
use crate::wait::until;

/// How long a charter may take to be in force everywhere.
const RATIFY: Duration = Duration::from_secs(60);

/// What a federation is to be.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The programs under test.
    pub programs: Programs,
    /// Processes, or all in this one.
    pub kind: Kind,
    /// Each site's name and table, CSV.
    pub sites: Vec<(String, String)>,
    /// The name of the sites' data set.
    pub data_set: String,
    /// The sites' policy.
    pub policy: String,
    /// c, if it is not to be the usual.
    pub corrupt: Option<u32>,
    /// How long steps of a round may take: settings of the coordinator's `[phases]`, in seconds.
    pub phases: Vec<(&'static str, i64)>,
    /// Settings of the coordinator's `[connections]`.
    pub connections: Vec<(&'static str, i64)>,
    /// Whether the coordinator shows its metrics.
    pub metrics: bool,
    /// Sites connect to the coordinator itself, so that nothing of the test stands between.
    pub direct: bool,
}

impl Setup {
    /// So many sites with made-up tables, that allow everything at once.
    #[must_use]
    pub fn new(programs: Programs, kind: Kind, sites: usize) -> Self {
        let tables =
            (0..sites).map(|number| (format!("site-{}", number + 1), made::table(number, sites)));
        Self {
            programs,
            kind,
            sites: tables.collect(),
            data_set: made::DATA_SET.into(),
            policy: made::POLICY.into(),
            corrupt: None,
            phases: Vec::new(),
            connections: Vec::new(),
            metrics: false,
            direct: false,
        }
    }

    /// With other tables, by site.
    #[must_use]
    pub fn tables(mut self, data_set: &str, sites: Vec<(String, String)>) -> Self {
        self.policy = self.policy.replace(&self.data_set, data_set);
        self.data_set = data_set.into();
        self.sites = sites;
        self
    }

    /// With this c.
    #[must_use]
    pub fn corrupt(mut self, corrupt: u32) -> Self {
        self.corrupt = Some(corrupt);
        self
    }

    /// With so many seconds for a step of a round.
    #[must_use]
    pub fn phase(mut self, key: &'static str, seconds: i64) -> Self {
        self.phases.push((key, seconds));
        self
    }

    /// With another setting of the coordinator's `[connections]`.
    #[must_use]
    pub fn connections(mut self, key: &'static str, value: i64) -> Self {
        self.connections.push((key, value));
        self
    }

    /// With metrics, at a port that is free.
    #[must_use]
    pub fn metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Makes the federation; all of it runs, and every site is there.
    pub async fn found(&self) -> Federation {
        let folder = tempfile::tempdir().expect("a folder for a test");
        let door = Relay::start().await;
        let mut coordinator = self.coordinator(folder.path(), &door).await;
        let address = coordinator.start(Special::default()).await;
        let address = address.unwrap_or_else(|e| panic!("the coordinator does not start: {e}"));
        door.lead_to(address);
        let mut sites = Vec::new();
        for (number, (name, table)) in self.sites.iter().enumerate() {
            let dir = folder.path().join(format!("s{}", number + 1));
            let site = self.site(name, table, &dir, &coordinator).await;
            site.relay.lead_to(address);
            if self.direct {
                settings::set_coordinator(&site.dir, &format!("127.0.0.1:{}", address.port()));
            }
            sites.push(site);
        }
        for site in &mut sites {
            site.start().await;
        }
        ratify(&coordinator, &sites, self.corrupt).await;
        let key = new_key();
        let credential = sites[0].vouch(key.public().as_bytes()).await;
        let credential = decode_credential(credential).expect("a credential");
        let coordinator_key = charter_of(&sites[0]).await.fields().coordinator;
        let authorities = coordinator.dir.join("authority.pem");
        let researcher =
            Researcher::new(key, credential, coordinator_key, &authorities, &door.address());
        let (programs, direct) = (self.programs.clone(), self.direct);
        let federation =
            Federation { coordinator, sites, researcher, door, programs, direct, folder };
        federation.all_present().await;
        federation
    }

    /// One more site of a running federation: enrolled and started, and in no charter yet.
    pub async fn join(&self, federation: &Federation, name: &str) -> Site {
        let dir = federation.folder.path().join(name);
        let table = made::table(0, 3);
        let mut site = self.site(name, &table, &dir, &federation.coordinator).await;
        let address = federation.coordinator.status().await.listens;
        site.relay.lead_to(address.parse().expect("an address"));
        site.start().await;
        site
    }

    /// A new coordinator's folder.
    async fn coordinator(&self, folder: &Path, door: &Relay) -> Coordinator {
        let dir = folder.join(COORDINATOR);
        let mut command = Command::new(&self.programs.coordinator);
        command.arg("init").arg("--dir").arg(&dir).args(["--federation", "North"]);
        command.args(["--listen", "127.0.0.1:0", "--address", &door.address()]);
        run(&mut command, "").await;
        let path = dir.join("coordinator.toml");
        let phases: Vec<_> = self.phases.iter().map(|(key, n)| (*key, (*n).into())).collect();
        settings::set(&path, "phases", &phases);
        if self.metrics {
            settings::set(&path, "metrics", &[("listen", "127.0.0.1:0".into())]);
        }
        let many = 10_000.into();
        settings::set(
            &path,
            "connections",
            &[("enrolments_per_minute", many), ("most_per_address", 1024.into())],
        );
        let own: Vec<_> = self.connections.iter().map(|(key, n)| (*key, (*n).into())).collect();
        settings::set(&path, "connections", &own);
        let program = self.programs.coordinator.clone();
        Coordinator { kind: self.kind, program, dir, running: None, logs: Logs::default() }
    }

    /// A new site's folder, enrolled.
    async fn site(&self, name: &str, table: &str, dir: &Path, coordinator: &Coordinator) -> Site {
        let request = InviteRequest { site: name.into(), hours: 24 };
        let invited = coordinator.operator().await.invite(request).await;
        let invitation = invited.expect("an invitation").into_inner().invitation;
        assert_eq!(Invitation::from_text(&invitation).expect("one").site, name);
        let program = self.programs.site.clone();
        let mut init = Command::new(&program);
        run(init.arg("init").arg("--dir").arg(dir).args(["--name", name]), "").await;
        let mut enroll = Command::new(&program);
        run(enroll.arg("enroll").arg("--dir").arg(dir), &format!("{invitation}\n")).await;
        fs::write(dir.join("table.csv"), table).expect("a table");
        fs::write(dir.join("policy.toml"), &self.policy).expect("a policy");
        let relay = Relay::start().await;
        settings::change(&dir.join("site.toml"), |settings| {
            let entry = [("name", self.data_set.as_str()), ("path", "table.csv")];
            let entry = entry.map(|(key, value)| (key.to_owned(), value.into()));
            let entry = toml::Table::from_iter(entry);
            settings.insert("data".into(), vec![toml::Value::Table(entry)].into());
            let retry = [("first_seconds", 0.05), ("longest_seconds", 0.3)];
            let retry = retry.map(|(key, value)| (key.to_owned(), value.into()));
            settings.insert("retry".into(), toml::Table::from_iter(retry).into());
        });
        settings::set_coordinator(dir, &relay.address());
        let (kind, dir, name) = (self.kind, dir.to_owned(), name.to_owned());
        Site { kind, program, dir, name, relay, running: None, logs: Logs::default() }
    }
}

/// Has the operator propose a charter, and every steward sign it.
async fn ratify(coordinator: &Coordinator, sites: &[Site], corrupt: Option<u32>) {
    let request = ProposeCharterRequest { corrupt, ..ProposeCharterRequest::default() };
    let proposed = coordinator.operator().await.propose_charter(request).await;
    let proposed = proposed.expect("a proposal").into_inner().proposed;
    let words = decode_charter(proposed).expect("a charter").fingerprint_words().join(" ");
    for site in sites {
        sign_when_proposed(site, &words).await;
    }
    for site in sites {
        until(RATIFY, "a charter in force", || async {
            let charter = site.charter().await.in_force;
            charter.map(drop).ok_or_else(|| format!("{} holds none", site.name))
        })
        .await;
    }
}

/// Signs a charter by its words at a site, once it is proposed there.
pub async fn sign_when_proposed(site: &Site, words: &str) {
    until(RATIFY, "a charter to sign", || async {
        let proposed = site.charter().await.proposed;
        let proposed = proposed.ok_or_else(|| format!("{} was told of none", site.name))?;
        let charter = decode_charter(proposed).map_err(|error| error.to_string())?;
        let here = charter.fingerprint_words().join(" ");
        if here == words { Ok(()) } else { Err(format!("{} has {here}", site.name)) }
    })
    .await;
    site.sign(words).await.unwrap_or_else(|status| panic!("{} does not sign: {status}", site.name));
}

/// The charter in force at a site.
async fn charter_of(site: &Site) -> ripieno_identity::Charter {
    let charter = site.charter().await.in_force.expect("a charter in force");
    ripieno_wire::membership::decode_ratified(charter).expect("a charter").0
}
