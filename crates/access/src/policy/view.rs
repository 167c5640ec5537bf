//! What a policy does with the rows and values of a data set.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripieno_study::manifest::DataSpec;
use toml::Spanned;
use toml::value::Datetime;

use crate::anonymity::Anonymity;
use crate::decision::{Denial, Rule};
use crate::plan::{
    Consent, Dates, Day, MAX_STEPS, OptOut, OptOutList, Plan, PlannedColumn, RowFilter, Step,
};

/// As written below `[dataset.view]`.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Written {
    #[serde(default)]
    columns: BTreeMap<String, Spanned<Vec<Step>>>,
    consent: Option<Spanned<Consent>>,
    opt_out: Option<WrittenOptOut>,
    dates: Option<Spanned<WrittenDates>>,
    anonymity: Option<Spanned<Anonymity>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOptOut {
    column: String,
    file: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDates {
    column: String,
    from: Option<Datetime>,
    to: Option<Datetime>,
}

/// What is done with the rows of a data set, whoever asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ViewRules {
    columns: BTreeMap<String, Vec<Step>>,
    consent: Option<Consent>,
    /// The column, the file as written, and its list once it was read.
    opt_out: Option<(String, String, Option<Arc<OptOutList>>)>,
    dates: Option<Dates>,
    anonymity: Option<Anonymity>,
}

/// Checks what was written; a fault comes with its offset in the text.
pub(super) fn rules(written: Written) -> Result<ViewRules, (usize, String)> {
    let mut columns = BTreeMap::new();
    for (name, steps) in written.columns {
        let start = steps.span().start;
        let steps = steps.into_inner();
        if let Some(fault) = steps.iter().find_map(Step::fault) {
            return Err((start, format!("column {name:?}: {fault}")));
        }
        if steps.len() > MAX_STEPS {
            return Err((start, format!("column {name:?} has more than {MAX_STEPS} steps")));
        }
        columns.insert(name, steps);
    }
    let faulty = |consent: &&Spanned<Consent>| consent.get_ref().values.is_empty();
    if let Some(consent) = written.consent.as_ref().filter(faulty) {
        return Err((consent.span().start, "values of consent: nobody would have agreed".into()));
    }
    let anonymity = written.anonymity.as_ref();
    if let Some((start, fault)) =
        anonymity.and_then(|given| Some((given.span().start, given.get_ref().fault()?)))
    {
        return Err((start, fault));
    }
    Ok(ViewRules {
        columns,
        consent: written.consent.map(Spanned::into_inner),
        opt_out: written.opt_out.map(|opt_out| (opt_out.column, opt_out.file, None)),
        dates: written.dates.map(dates).transpose()?,
        anonymity: written.anonymity.map(Spanned::into_inner),
    })
}

impl ViewRules {
    /// The plan for a study's data.
    pub(super) fn plan(&self, data: &DataSpec) -> Result<Plan, Denial> {
        let opt_out = self.opt_out.as_ref().map(|(column, _, list)| {
            let list = list.clone().ok_or_else(|| {
                let reason = "the list of people who want to be in no study was not read here";
                Denial::new(Rule::View, reason, "the steward can put it where the policy says")
            })?;
            Ok(OptOut { column: column.clone(), list })
        });
        let columns = data.columns().map(|name| PlannedColumn {
            name: name.to_owned(),
            steps: self.columns.get(name).cloned().unwrap_or_default(),
        });
        let (consent, dates) = (self.consent.clone(), self.dates.clone());
        Ok(Plan {
            dataset: data.dataset.clone(),
            columns: columns.collect(),
            rows: RowFilter { consent, opt_out: opt_out.transpose()?, dates },
            anonymity: self.anonymity.clone(),
        })
    }

    /// All columns that it names: a slip of the pen must not leave a column as it is.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.keys().map(String::as_str);
        let consent = self.consent.iter().map(|consent| consent.column.as_str());
        let opt_out = self.opt_out.iter().map(|(column, _, _)| column.as_str());
        let dates = self.dates.iter().map(|dates| dates.column.as_str());
        let anonymity = self.anonymity.iter().flat_map(|anonymity| {
            let quasi = anonymity.quasi.iter().map(|quasi| quasi.column.as_str());
            quasi.chain(anonymity.sensitive.as_deref())
        });
        columns.chain(consent).chain(opt_out).chain(dates).chain(anonymity)
    }

    pub(super) fn list(&self) -> Option<&str> {
        self.opt_out.as_ref().map(|(_, file, _)| file.as_str())
    }

    pub(super) fn set_list(&mut self, read: &Arc<OptOutList>) {
        if let Some((_, _, list)) = &mut self.opt_out {
            *list = Some(Arc::clone(read));
        }
    }
}

fn dates(written: Spanned<WrittenDates>) -> Result<Dates, (usize, String)> {
    let start = written.span().start;
    let WrittenDates { column, from, to } = written.into_inner();
    let day = |written: Datetime| {
        let date = written.date.filter(|_| written.time.is_none());
        let day = date.and_then(|date| Day::new(date.year, date.month, date.day));
        day.ok_or_else(|| (start, "dates wants days such as 2020-01-01".to_owned()))
    };
    let (from, to) = (from.map(day).transpose()?, to.map(day).transpose()?);
    match (from, to) {
        (None, None) => Err((start, "dates names from, to or both".into())),
        (Some(from), Some(to)) if from > to => Err((start, "dates ends before it begins".into())),
        _ => Ok(Dates { column, from, to }),
    }
}
