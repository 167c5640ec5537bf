//! A question in the words of the schema.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};
use ripieno_study::Digest;

use crate::facts::PolicyColumn;

/// The most grants that are weighed for one question; those beyond grant nothing.
pub const MAX_GRANTS_ASKED: usize = 1024;

/// What a person wants to do with columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Compute on them.
    Compute,
    /// See what a study would compute on, without values.
    Preview,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// A researcher, by a credential that was verified.
    Researcher {
        /// Public key, 64 hexadecimal digits.
        key: String,
        /// As the home site wrote it.
        name: String,
        /// As the home site wrote it.
        role: String,
        /// As the home site wrote it.
        department: String,
        /// As the home site wrote it.
        clearance: String,
        /// Number of the home site.
        home: u16,
        /// When the credential ends, in seconds since 1970 UTC.
        expires: u64,
    },
    /// Somebody of this site.
    Staff {
        /// The person's name.
        name: String,
        /// What the person is here.
        roles: Vec<String>,
    },
}

/// Under which circumstances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// What for; empty where nothing is said.
    pub purpose: String,
    /// Kind of the analysis.
    pub analysis: String,
    /// Under which law; empty where nothing is said.
    pub legal_basis: String,
    /// `production`, `test`, `development` or `sandbox`.
    pub environment: String,
    /// Seconds since 1970 UTC.
    pub now: u64,
    /// Whether a steward has approved this very study.
    pub approved: bool,
    /// Digest of the study, where there is one.
    pub study: Option<Digest>,
}

/// A question about columns of one data set.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub person: &'a Person,
    /// What for.
    pub action: Action,
    /// Name of the data set.
    pub dataset: &'a str,
    /// Whoever grants its use, where there is somebody.
    pub owner: Option<&'a str>,
    /// The columns, as the site knows them.
    pub columns: &'a [PolicyColumn],
    /// Circumstances.
    pub circumstances: &'a Circumstances,
}

/// The types of the schema.
#[derive(Clone, Debug)]
pub(super) struct Words {
    role: EntityTypeName,
    researcher: EntityTypeName,
    staff: EntityTypeName,
    data_set: EntityTypeName,
    column: EntityTypeName,
    action: EntityTypeName,
}

impl Words {
    pub(super) fn new() -> Result<Self, String> {
        let kind = |name: &str| name.parse().map_err(|_| format!("{name} is no type"));
        Ok(Self {
            role: kind("Role")?,
            researcher: kind("Researcher")?,
            staff: kind("Staff")?,
            data_set: kind("DataSet")?,
            column: kind("Column")?,
            action: kind("Action")?,
        })
    }

    pub(super) fn role(&self, name: &str) -> EntityUid {
        uid(&self.role, name)
    }

    pub(super) fn researcher(&self, key: &str) -> EntityUid {
        uid(&self.researcher, key)
    }

    pub(super) fn data_set(&self, name: &str) -> EntityUid {
        uid(&self.data_set, name)
    }

    /// A column by the names of data set and column. A slash in the former is written otherwise, so
    /// that two columns never have one name.
    pub(super) fn column(&self, dataset: &str, name: &str) -> EntityUid {
        let dataset = dataset.replace('%', "%25").replace('/', "%2F");
        uid(&self.column, &format!("{dataset}/{name}"))
    }

    fn person(&self, person: &Person) -> EntityUid {
        match person {
            Person::Researcher { key, .. } => self.researcher(key),
            Person::Staff { name, .. } => uid(&self.staff, name),
        }
    }
}

/// A question with all that policies may look at.
pub(super) struct Question<'a> {
    asked: &'a Asked<'a>,
    words: &'a Words,
    context: Context,
    entities: Entities,
}

impl<'a> Question<'a> {
    /// About these columns of the question, checked against the schema.
    pub(super) fn new<'c>(
        asked: &'a Asked<'a>,
        columns: impl Iterator<Item = &'c PolicyColumn>,
        words: &'a Words,
        schema: &Schema,
    ) -> Result<Self, String> {
        let alone = |uid| Entity::new_no_attrs(uid, HashSet::new());
        let mut all = vec![alone(words.data_set(asked.dataset))];
        all.extend(person(asked.person, words)?);
        let other =
            |owner: &&str| !matches!(asked.person, Person::Staff { name, .. } if name == owner);
        all.extend(asked.owner.filter(other).map(|owner| alone(uid(&words.staff, owner))));
        for facts in columns {
            all.push(column(asked, facts, words)?);
        }
        let entities = Entities::from_entities(all, Some(schema)).map_err(|e| e.to_string())?;
        let question = Self { asked, words, context: context(asked.circumstances)?, entities };
        // Only the column differs from one request to the other.
        question.request("", Some(schema))?;
        Ok(question)
    }

    pub(super) fn entities(&self) -> &Entities {
        &self.entities
    }

    /// The question about one column.
    pub(super) fn about(&self, column: &str) -> Result<Request, String> {
        self.request(column, None)
    }

    fn request(&self, column: &str, schema: Option<&Schema>) -> Result<Request, String> {
        let action = match self.asked.action {
            Action::Compute => "compute",
            Action::Preview => "preview",
        };
        let (person, action) =
            (self.words.person(self.asked.person), uid(&self.words.action, action));
        let resource = self.words.column(self.asked.dataset, column);
        Request::new(person, action, resource, self.context.clone(), schema)
            .map_err(|error| error.to_string())
    }
}

fn context(about: &Circumstances) -> Result<Context, String> {
    let study = about.study.map(|study| study.to_string()).unwrap_or_default();
    let pairs = named([
        ("purpose", string(&about.purpose)),
        ("analysis", string(&about.analysis)),
        ("legal_basis", string(&about.legal_basis)),
        ("environment", string(&about.environment)),
        ("now", long(about.now)),
        ("approved", RestrictedExpression::new_bool(about.approved)),
        ("study", string(&study)),
    ]);
    Context::from_pairs(pairs).map_err(|error| error.to_string())
}

/// The person, and the roles.
fn person(person: &Person, words: &Words) -> Result<Vec<Entity>, String> {
    let own = words.person(person);
    let roles: HashSet<_> = match person {
        Person::Researcher { role, .. } => HashSet::from([words.role(role)]),
        Person::Staff { roles, .. } => roles.iter().map(|role| words.role(role)).collect(),
    };
    let alone = |role: &EntityUid| Entity::new_no_attrs(role.clone(), HashSet::new());
    let mut all: Vec<_> = roles.iter().map(alone).collect();
    all.push(match person {
        Person::Staff { .. } => Entity::new_no_attrs(own, roles),
        Person::Researcher { name, role, department, clearance, home, expires, .. } => {
            let attributes = named([
                ("name", string(name)),
                ("role", string(role)),
                ("department", string(department)),
                ("clearance", string(clearance)),
                ("home", long(u64::from(*home))),
                ("expires", long(*expires)),
            ]);
            Entity::new(own, attributes, roles).map_err(|error| error.to_string())?
        }
    });
    Ok(all)
}

fn column(asked: &Asked<'_>, facts: &PolicyColumn, words: &Words) -> Result<Entity, String> {
    let tags = facts.tags.iter().map(|tag| string(tag));
    let mut attributes = named([
        ("dataset", string(asked.dataset)),
        ("class", string(facts.class())),
        ("type", string(facts.kind())),
        ("tags", RestrictedExpression::new_set(tags)),
        ("confirmed", RestrictedExpression::new_bool(facts.confirmed)),
    ]);
    if let Some(owner) = asked.owner {
        let owner = RestrictedExpression::new_entity_uid(uid(&words.staff, owner));
        attributes.insert("owner".into(), owner);
    }
    let parents = HashSet::from([words.data_set(asked.dataset)]);
    Entity::new(words.column(asked.dataset, &facts.name), attributes, parents)
        .map_err(|error| error.to_string())
}

fn uid(kind: &EntityTypeName, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(name))
}

fn named<const N: usize>(
    pairs: [(&str, RestrictedExpression); N],
) -> HashMap<String, RestrictedExpression> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

/// Cedar's numbers are signed; times beyond them are as good as the last one.
fn long(number: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}
