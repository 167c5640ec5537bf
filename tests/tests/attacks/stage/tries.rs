//! What is tried against a true site, and what came of it.

use std::collections::BTreeMap;

use ripieno_rpc::attend_response::Body;
use ripieno_secagg::ledger::SlotId;
use ripieno_study::{Check, Culprit, Refusal, SiteIndex};
use ripieno_tests::audits::{self, Log, Owner};
use ripieno_wire::{FromSite, ToSite};

use super::{Run, Stage};
use crate::table::Row;

/// One attack on one site.
pub(crate) struct Try {
    name: &'static str,
    victim: SiteIndex,
    check: Check,
    culprit: Culprit,
    /// How much was heard when it began.
    mark: usize,
    slot: Option<SlotId>,
    /// The refusal, or what came instead.
    answer: Result<Refusal, String>,
}

/// An attack of which the site's log of daemon and people tells: what has no check, or is no
/// message.
pub(crate) struct Alarm {
    name: &'static str,
    victim: SiteIndex,
    /// In the refusal's place.
    rule: &'static str,
    /// All of them stand in one entry.
    words: Vec<&'static str>,
}

impl Stage {
    /// Sends something that is no message of the protocol; the site must write an alarm with these
    /// words, and say nothing.
    pub(crate) async fn alarms(
        &mut self,
        name: &'static str,
        victim: SiteIndex,
        body: Body,
        words: [&'static str; 2],
    ) -> Result<(), String> {
        let mark = self.wire.mark();
        self.wire.send(victim, body).await;
        let said = self.heard_out(victim, mark).await?;
        if said.iter().any(|said| !matches!(said, FromSite::Hello(_))) {
            return Err(format!("{victim} answers {name} with {said:?}"));
        }
        self.alarms.push(Alarm { name, victim, rule: "H1", words: words.into() });
        Ok(())
    }

    /// Sends bytes that are no message: the site ends the session, writes an alarm with this word,
    /// and comes back.
    pub(crate) async fn cut_off(
        &mut self,
        name: &'static str,
        victim: SiteIndex,
        bytes: bytes::Bytes,
        word: &'static str,
    ) -> Result<(), String> {
        let mark = self.wire.mark();
        let before = self.wire.sessions()[&victim];
        self.wire.send(victim, Body::ToSite(bytes)).await;
        self.wire.arrived(victim, before).await;
        let said = self.heard_out(victim, mark).await?;
        if said.iter().any(|said| !matches!(said, FromSite::Hello(_))) {
            return Err(format!("{victim} answers {name} with {said:?}"));
        }
        let words = vec!["in the session", word];
        let words = if word.contains(words[0]) { words } else { vec!["coordinator sent", word] };
        self.alarms.push(Alarm { name, victim, rule: "wire", words });
        Ok(())
    }

    /// Sends something evil to a site. It must refuse by this check and name this culprit, and send
    /// nothing else.
    pub(crate) async fn refuses(
        &mut self,
        name: &'static str,
        victim: SiteIndex,
        message: ToSite,
        check: Check,
        culprit: Culprit,
    ) {
        self.refuses_but(name, victim, message, (check, culprit), |_| false).await;
    }

    /// The same where the site may go on with something else.
    pub(crate) async fn refuses_but(
        &mut self,
        name: &'static str,
        victim: SiteIndex,
        message: ToSite,
        (check, culprit): (Check, Culprit),
        may: impl Fn(&FromSite) -> bool,
    ) {
        let mark = self.wire.mark();
        self.wire.send(victim, Body::ToSite(message.encode())).await;
        let said = self.heard_out(victim, mark).await;
        self.judge(name, victim, mark, said, (check, culprit), may);
    }

    /// Judges what a site said to something evil.
    pub(crate) fn judge(
        &mut self,
        name: &'static str,
        victim: SiteIndex,
        mark: usize,
        said: Result<Vec<FromSite>, String>,
        (check, culprit): (Check, Culprit),
        may: impl Fn(&FromSite) -> bool,
    ) {
        let (mut slot, mut refusals, mut rest) = (None, Vec::new(), Vec::new());
        let mut problem = said.as_ref().err().cloned();
        for message in said.unwrap_or_default() {
            match message {
                FromSite::Refused { id, refusal, .. } => {
                    slot = slot.or(id);
                    refusals.push(refusal);
                }
                FromSite::Hello(_) => {}
                other if may(&other) => {}
                other => rest.push(other),
            }
        }
        let found = refusals.iter().find(|r| (r.check, r.culprit) == (check, culprit));
        if !rest.is_empty() {
            problem.get_or_insert(format!("it sent {rest:?}"));
        }
        let missing = || match refusals.first() {
            Some(refusal) => format!("another refusal came: {refusal}"),
            None => "nothing was refused".to_owned(),
        };
        let answer = match (problem, found) {
            (Some(problem), _) => Err(problem),
            (None, Some(refusal)) => Ok(refusal.clone()),
            (None, None) => Err(missing()),
        };
        self.tries.push(Try { name, victim, check, culprit, mark, slot, answer });
    }

    /// Whether the judge sees: a good contract is sent as if it were evil, and that it was refused
    /// must not be said. The site uploads for it.
    ///
    /// # Errors
    /// Where the judge is blind.
    pub(crate) async fn control(&mut self, run: &Run, slot: u16) -> Result<(), String> {
        let case = self.case(1, ripieno_tests::made::WIDE).await?;
        let good = ToSite::Contract(self.sign(case.contract(run, slot)));
        let (name, victim) = ("nothing evil at all", self.site(0));
        self.refuses(name, victim, good, Check::S1, Culprit::Coordinator).await;
        match self.tries.pop() {
            Some(Try { answer: Err(_), .. }) => Ok(()),
            _ => Err("a good contract is said to have been refused: the judge is blind".into()),
        }
    }

    /// A round to its end with nothing amiss: the sites are as good as before, and all that they
    /// had begun to send has come.
    pub(crate) async fn goes_on(&mut self, run: &Run, slot: u16) -> Result<(), String> {
        let mut case = self.case(1, ripieno_tests::made::WIDE).await?;
        self.round(run, &mut case, slot).await.map(drop)
    }

    /// What is to be shown of all that was tried. Each refusal must stand in the site's audit log.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let logs: BTreeMap<SiteIndex, Log> =
            self.honest.iter().map(|site| (*site, self.audit(*site))).collect();
        let mut seen: BTreeMap<SiteIndex, usize> = BTreeMap::new();
        let mut rows: Vec<Row> = Vec::new();
        for one in &self.tries {
            let log = &logs[&one.victim];
            let from = seen.entry(one.victim).or_default();
            let evidence = one.evidence(log, from, &self.left(one));
            Row::new(one.name, one.check.to_string(), one.culprit.to_string(), evidence)
                .join(&mut rows);
        }
        seen.clear();
        for alarm in &self.alarms {
            let log = self.log(alarm.victim, "people.log");
            let evidence = alarm.evidence(&log, seen.entry(alarm.victim).or_default());
            Row::new(alarm.name, alarm.rule, "coordinator", evidence).join(&mut rows);
        }
        rows
    }

    /// Tiles and shares of the slot that left the site after the attack.
    fn left(&self, one: &Try) -> Vec<String> {
        let about = |message: &FromSite| match message {
            FromSite::Tile { id, .. } | FromSite::Trailer { id, .. } => Some(*id),
            FromSite::Release(release) => Some(release.id),
            FromSite::Proof(proof) => Some(proof.id),
            _ => None,
        };
        let heard = self.wire.since(one.mark).into_iter().filter(|heard| heard.site == one.victim);
        let left = heard.filter(|heard| one.slot.is_some() && about(&heard.message) == one.slot);
        left.map(|heard| heard.text()).collect()
    }

    /// The audit log of a site, verified.
    pub(crate) fn audit(&self, site: SiteIndex) -> Log {
        self.log(site, "audit.log")
    }

    fn log(&self, site: SiteIndex, file: &str) -> Log {
        let name = &self.charter.charter().site(site).expect("it is listed").name;
        let found = self.federation.sites.iter().find(|site| site.name == *name);
        let dir = found.expect("it is founded").dir();
        audits::verify(&Owner {
            name: name.clone(),
            key: dir.join("site.key"),
            log: dir.join(file),
        })
    }
}

impl Alarm {
    fn evidence(&self, log: &Log, from: &mut usize) -> Result<String, String> {
        let fits = |entry: &serde_json::Value| {
            let problem = entry["fields"]["problem"].as_str().unwrap_or_default();
            entry["kind"] == "alarm" && self.words.iter().all(|word| problem.contains(word))
        };
        let alarms = || log.of("alarm").map(|e| e["fields"]["problem"].clone()).collect::<Vec<_>>();
        match log.entries.iter().skip(*from).position(fits) {
            Some(at) => {
                let at = *from + at;
                *from = at + 1;
                Ok(format!("{} people #{at}", log.owner))
            }
            None => Err(format!("no alarm with {:?}: {:?}", self.words, alarms())),
        }
    }
}

impl Try {
    /// Where the refusal stands in the log, from an entry on; or what is wrong.
    fn evidence(&self, log: &Log, from: &mut usize, left: &[String]) -> Result<String, String> {
        let refusal = self.answer.clone()?;
        if let Some(left) = left.first() {
            return Err(format!("it went on: {left}"));
        }
        let fits = |entry: &serde_json::Value| {
            let fields = &entry["fields"];
            entry["kind"] == "refusal"
                && fields["check"] == refusal.check.to_string()
                && fields["culprit"] == refusal.culprit.to_string()
                && fields["reason"] == refusal.reason
        };
        let at = log.entries.iter().skip(*from).position(fits);
        let at = at.ok_or_else(|| format!("no entry in the audit log of {}: {refusal}", log.owner));
        let at = *from + at?;
        *from = at + 1;
        Ok(format!("{} audit #{at}", log.owner))
    }
}
