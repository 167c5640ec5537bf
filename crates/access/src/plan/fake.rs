//! Made-up values that look like real ones, for environments in which nothing real may stand.

use std::fmt::{self, Write as _};

use ripieno_study::{Digest, Hasher, Tag};

use super::cell::Cell;

/// Made-up values of a kind. They depend on the seed, the column and the number of the row, and on
/// nothing that stands in the table: not even on whether the value is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fake {
    /// What they look like.
    pub kind: FakeKind,
    /// The same seed makes the same values.
    pub seed: u64,
}

/// What made-up values look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FakeKind {
    /// Given and family name.
    Name,
    /// A record number of eight digits.
    RecordNumber,
    /// An address at `example.org`.
    Email,
    /// A number that no subscriber has (Ofcom's range for drama).
    Phone,
    /// A postcode of five digits.
    Postcode,
    /// A day from 1930 to 2019.
    Date,
    /// An age in years, 18 to 95, most of them in the middle.
    Age,
    /// A code of ICD-10 that occurs.
    Icd10,
    /// 0 or 1.
    Flag,
    /// A measurement: about normal, mean 100, standard deviation 15.
    Measure,
}

const GIVEN: [&str; 16] = [
    "Anna", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Luis", "Mara", "Noah", "Olga", "Paul",
];
const FAMILY: [&str; 16] = [
    "Adler", "Brandt", "Costa", "Duval", "Egger", "Fischer", "Garcia", "Huber", "Ivanov", "Jensen",
    "Keller", "Lopez", "Moser", "Novak", "Olsen", "Peters",
];
const CODES: [&str; 16] = [
    "A09", "C50.9", "D64.9", "E11.9", "F32.9", "G40.9", "H25.9", "I10", "I21.4", "J18.9", "K35.8",
    "L40.0", "M54.5", "N39.0", "R07.4", "S72.0",
];

impl Fake {
    /// Puts the value of a row there; rows count from 0.
    pub(super) fn make(self, column: &str, row: u64, into: &mut Cell) {
        let hasher = Hasher::new(Tag::Fake).number(self.seed).part(column).number(row);
        let mut draw = Draw { digest: hasher.finish(), used: 0 };
        match self.kind {
            FakeKind::Name => {
                let (given, family) = (draw.of(&GIVEN), draw.of(&FAMILY));
                into.set_text(|text| write_to(text, format_args!("{given} {family}")));
            }
            FakeKind::RecordNumber => {
                let number = draw.below(100_000_000);
                into.set_text(|text| write_to(text, format_args!("{number:08}")));
            }
            FakeKind::Email => {
                let (given, family) = (draw.of(&GIVEN), draw.of(&FAMILY));
                let number = draw.below(1000);
                into.set_text(|text| {
                    let address = format_args!("{given}.{family}{number}@example.org");
                    write_to(text, address);
                    text.make_ascii_lowercase();
                });
            }
            FakeKind::Phone => {
                let number = draw.below(1000);
                into.set_text(|text| write_to(text, format_args!("020 7946 0{number:03}")));
            }
            FakeKind::Postcode => {
                let number = 1_000 + draw.below(99_000);
                into.set_text(|text| write_to(text, format_args!("{number:05}")));
            }
            FakeKind::Date => {
                let (year, month, day) = (draw.below(90), draw.below(12), draw.below(28));
                let (year, month, day) = (1930 + year, 1 + month, 1 + day);
                into.set_text(|text| write_to(text, format_args!("{year}-{month:02}-{day:02}")));
            }
            FakeKind::Age => into.set_number(f64::from(18 + draw.below(40) + draw.below(39))),
            FakeKind::Icd10 => {
                let code = draw.of(&CODES);
                into.set_text(|text| text.push_str(code));
            }
            FakeKind::Flag => into.set_number(f64::from(draw.below(2))),
            // Four uniform draws have variance 4 * (52^2 - 1) / 12 = 901 = 30^2.
            FakeKind::Measure => {
                let sum: u32 = (0..4).map(|_| draw.below(52)).sum();
                into.set_number(100.0 + (f64::from(sum) - 102.0) / 2.0);
            }
        }
    }
}

/// Random numbers of one row: eight at most.
struct Draw {
    digest: Digest,
    used: usize,
}

impl Draw {
    /// A number from 0, below `limit`, which is far below 2^32: the bias does not matter here.
    fn below(&mut self, limit: u32) -> u32 {
        let bytes: &[u8] = self.digest.as_ref();
        let start = self.used % (bytes.len() - 3);
        self.used += 4;
        let word = bytes.iter().skip(start).take(4);
        word.fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) % limit.max(1)
    }

    fn of(&mut self, list: &[&'static str; 16]) -> &'static str {
        let index = self.below(16) as usize;
        list.get(index).copied().unwrap_or_default()
    }
}

/// A string takes everything.
fn write_to(text: &mut String, what: fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

impl fmt::Display for FakeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FakeKind::Name => "names",
            FakeKind::RecordNumber => "record numbers",
            FakeKind::Email => "e-mail addresses",
            FakeKind::Phone => "telephone numbers",
            FakeKind::Postcode => "postcodes",
            FakeKind::Date => "dates",
            FakeKind::Age => "ages",
            FakeKind::Icd10 => "ICD-10 codes",
            FakeKind::Flag => "zeros and ones",
            FakeKind::Measure => "measurements",
        })
    }
}
