//! What is known of columns without their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_catalog::{Class, ColumnFacts, SemanticType};

/// A column as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyColumn {
    /// The name in the table.
    pub name: Arc<str>,
    /// Class and type; `None` where nobody has said or suggested any.
    pub meaning: Option<(Class, SemanticType)>,
    /// Whether a steward has confirmed them. What is not confirmed is not used.
    pub confirmed: bool,
    /// The site's own words about it.
    pub tags: Vec<String>,
}

impl PolicyColumn {
    /// A column of which nothing is known.
    #[must_use]
    pub fn unknown(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), meaning: None, confirmed: false, tags: Vec::new() }
    }

    /// A column whose class and type a steward has confirmed.
    #[must_use]
    pub fn confirmed(name: impl Into<Arc<str>>, class: Class, kind: SemanticType) -> Self {
        let (name, meaning) = (name.into(), Some((class, kind)));
        Self { name, meaning, confirmed: true, tags: Vec::new() }
    }

    /// A column of a data set that nobody has classified, where the policy does not mind.
    #[must_use]
    pub(crate) fn unclassified(name: &str) -> Self {
        let tags = vec!["unclassified".to_owned()];
        Self { tags, ..Self::confirmed(name, Class::General, SemanticType::Text) }
    }

    /// The class in the words of policies.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.meaning.map_or("unknown", |(class, _)| class.name())
    }

    /// The semantic type in the words of policies.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.meaning.map_or("unknown", |(_, kind)| kind.name())
    }
}

impl From<ColumnFacts> for PolicyColumn {
    fn from(facts: ColumnFacts) -> Self {
        let ColumnFacts { name, class, kind, confirmed } = facts;
        Self { name, meaning: Some((class, kind)), confirmed, tags: Vec::new() }
    }
}

/// The facts of a site's data sets, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, Vec<PolicyColumn>>);

impl Facts {
    /// Takes the facts of a data set in; those of before are forgotten.
    pub fn set(&mut self, dataset: impl Into<String>, columns: Vec<PolicyColumn>) {
        self.0.insert(dataset.into(), columns);
    }

    /// Whether the data set was classified at all.
    #[must_use]
    pub fn is_classified(&self, dataset: &str) -> bool {
        self.0.contains_key(dataset)
    }

    /// The facts of these columns, in their order; a column without any is unknown.
    #[must_use]
    pub fn of<'a>(
        &self,
        dataset: &str,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Vec<PolicyColumn> {
        let known = self.0.get(dataset).map(Vec::as_slice).unwrap_or_default();
        let fact = |name: &str| {
            let found = known.iter().find(|column| *column.name == *name).cloned();
            found.unwrap_or_else(|| PolicyColumn::unknown(name))
        };
        columns.into_iter().map(fact).collect()
    }
}
