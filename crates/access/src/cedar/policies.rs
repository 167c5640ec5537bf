//! The policies of a site.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Effect, EntityUid, Policy, PolicyId, PolicySet, PolicySetError, Schema, ValidationMode,
    Validator,
};

use super::entities::Words;
use super::grants::Grants;
use super::reader::{BadPolicies, Fault, Known, Origin, Reader, syntax};
use super::verdict::Model;

const SCHEMA: &str = include_str!("schema.cedarschema");
const BASELINE: &str = include_str!("baseline.cedar");
const GRANT: &str = include_str!("grant.cedar");
/// The largest file of policies, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// The baseline, what the site adds to it, and its owners' grants.
#[derive(Clone, Debug)]
pub struct Policies {
    pub(super) schema: Arc<Schema>,
    pub(super) set: PolicySet,
    /// The same without what forbids.
    pub(super) permits: PolicySet,
    pub(super) known: BTreeMap<PolicyId, Known>,
    pub(super) words: Arc<Words>,
    /// What the site's policies name.
    pub(super) literals: HashSet<EntityUid>,
    pub(super) grants: Grants,
    warnings: Vec<Fault>,
}

impl Policies {
    /// The baseline alone.
    ///
    /// # Errors
    /// Where the baseline itself is wrong, which tests exclude.
    pub fn baseline() -> Result<Self, BadPolicies> {
        let wrong = |reason: String| BadPolicies::whole("schema.cedarschema", reason);
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|e| wrong(e.to_string()))?;
        let mut all = Self {
            schema: Arc::new(schema),
            set: PolicySet::new(),
            permits: PolicySet::new(),
            known: BTreeMap::new(),
            words: Arc::new(Words::new().map_err(wrong)?),
            literals: HashSet::new(),
            grants: Grants::default(),
            warnings: Vec::new(),
        };
        all.add("baseline.cedar", BASELINE, Origin::Baseline)?;
        all.add_template()?;
        Ok(all)
    }

    /// With the site's own policies added; `file` names them in errors.
    ///
    /// # Errors
    /// All that is wrong with them: the syntax, ids that are missing, doubled or reserved, names and
    /// types that are not in the schema.
    pub fn with_site(mut self, file: &str, text: &str) -> Result<Self, BadPolicies> {
        self.add(file, text, Origin::Site)?;
        Ok(self)
    }

    /// With these grants of owners instead of those of before.
    #[must_use]
    pub fn with_grants(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// The grants of owners.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// What is no mistake and probably not meant.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Ids of all policies but grants, with their models.
    pub fn ids(&self) -> impl Iterator<Item = (&str, Model)> {
        self.known.values().map(|known| (&*known.id, known.model))
    }

    fn add(&mut self, file: &str, text: &str, origin: Origin) -> Result<(), BadPolicies> {
        if text.len() > MAX_TEXT {
            return Err(BadPolicies::whole(file, format!("larger than {MAX_TEXT} bytes")));
        }
        let parsed: PolicySet = text.parse().map_err(|error| syntax(file, text, &error))?;
        let reader = Reader::new(text, origin);
        let mut faults: Vec<_> = parsed.templates().map(|t| reader.template(t.id())).collect();
        let mut added = PolicySet::new();
        for policy in parsed.policies() {
            match reader.read(policy, &self.known) {
                Ok((policy, known)) => {
                    self.known.insert(policy.id().clone(), known);
                    let doubled = added.add(policy.clone()).err().or_else(|| self.include(policy));
                    faults.extend(doubled.map(|error| reader.fault(0, None, error.to_string())));
                }
                Err(fault) => faults.push(fault),
            }
        }
        let checked =
            Validator::new((*self.schema).clone()).validate(&added, ValidationMode::Strict);
        for error in checked.validation_errors() {
            faults.push(reader.found(error.policy_id(), error, &error.to_string()));
        }
        for warning in checked.validation_warnings() {
            let found = reader.found(warning.policy_id(), warning, &warning.to_string());
            self.warnings.push(found);
        }
        faults.sort_by_key(|fault| fault.line);
        if faults.is_empty() { Ok(()) } else { Err(BadPolicies { file: file.into(), faults }) }
    }

    /// What is wrong, if anything: there is one of its id already.
    fn include(&mut self, policy: Policy) -> Option<PolicySetError> {
        self.literals.extend(policy.entity_literals());
        let permits = policy.effect() == Effect::Permit;
        let wrong = permits.then(|| self.permits.add(policy.clone()).err()).flatten();
        wrong.or_else(|| self.set.add(policy).err())
    }

    fn add_template(&mut self) -> Result<(), BadPolicies> {
        let wrong = |reason: String| BadPolicies::whole("grant.cedar", reason);
        let parsed: PolicySet =
            GRANT.parse().map_err(|error| syntax("grant.cedar", GRANT, &error))?;
        for template in parsed.templates() {
            let template = template.new_id(PolicyId::new("grant"));
            for set in [&mut self.set, &mut self.permits] {
                set.add_template(template.clone()).map_err(|error| wrong(error.to_string()))?;
            }
        }
        let checked =
            Validator::new((*self.schema).clone()).validate(&parsed, ValidationMode::Strict);
        let mistake = checked.validation_errors().next().map(ToString::to_string);
        mistake.map_or(Ok(()), |mistake| Err(wrong(mistake)))
    }
}
