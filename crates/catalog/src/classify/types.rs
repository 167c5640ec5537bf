//! The classes of columns, and what a column can mean.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// How far the values of a column lead to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Neither leads to a person nor says something that only a person's record says.
    General,
    /// Says something about a person's health, origin or life.
    Sensitive,
    /// Leads to a person together with other columns or other tables.
    Quasi,
    /// Leads to a person alone.
    Direct,
}

impl Class {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Class::General => "general",
            Class::Sensitive => "sensitive",
            Class::Quasi => "quasi",
            Class::Direct => "direct",
        }
    }
}

impl Class {
    /// All of them, the one that leads furthest last.
    pub const ALL: &[Self] = &[Self::General, Self::Sensitive, Self::Quasi, Self::Direct];
}

/// A name that is no class's, or no type's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{name:?} is no {what}: docs/classification.md lists them")]
pub struct UnknownName {
    what: &'static str,
    name: String,
}

/// Text to and from the name in JSON.
macro_rules! by_name {
    ($type:ident $what:literal) => {
        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                let found = Self::ALL.iter().find(|one| one.name() == text);
                found.copied().ok_or_else(|| UnknownName { what: $what, name: text.into() })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

by_name!(Class "class");
by_name!(SemanticType "type");

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! semantic_types {
    ($($variant:ident $name:literal $class:ident $words:literal;)*) => {
        /// What the values of a column mean.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SemanticType {
            $(#[doc = concat!("Values are ", $words, ".")] $variant,)*
        }

        impl SemanticType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The class that it has unless values say otherwise.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// What the values are, for reasons.
            pub(crate) const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

semantic_types! {
    PersonName "person_name" Direct "full names of persons";
    GivenName "given_name" Direct "given names";
    FamilyName "family_name" Direct "family names";
    RecordNumber "record_number" Direct "numbers of records or patients";
    NationalId "national_id" Direct "national identity numbers";
    InsuranceNumber "insurance_number" Direct "numbers of insured persons";
    Passport "passport_number" Direct "passport numbers";
    DriverLicence "driver_licence" Direct "numbers of driving licences";
    Phone "phone" Direct "telephone or fax numbers";
    Email "email" Direct "e-mail addresses";
    Address "address" Direct "street addresses";
    Url "url" Direct "web addresses";
    Username "username" Direct "user names";
    IpAddress "ip_address" Direct "network addresses";
    MacAddress "mac_address" Direct "hardware addresses of devices";
    DeviceId "device_id" Direct "numbers of devices";
    VehicleId "vehicle_id" Direct "vehicle numbers";
    Plate "vehicle_plate" Direct "vehicle plates";
    Iban "iban" Direct "bank accounts";
    CreditCard "credit_card" Direct "card numbers";
    Biometric "biometric_id" Direct "biometric templates";
    IdentifyingText "identifying_text" Direct "texts that name persons";
    Identifier "identifier" Direct "codes of which each stands for one row";
    Pseudonym "pseudonym" Quasi "pseudonyms";
    DateOfBirth "date_of_birth" Quasi "dates of birth";
    AdmissionDate "admission_date" Quasi "dates of admission";
    DischargeDate "discharge_date" Quasi "dates of discharge";
    DeathDate "death_date" Quasi "dates of death";
    VisitDate "visit_date" Quasi "dates of visits";
    Date "date" Quasi "dates";
    City "city" Quasi "places";
    Postcode "postcode" Quasi "postcodes";
    Coordinate "coordinate" Quasi "geographic coordinates";
    Occupation "occupation" Quasi "occupations";
    Age "age" Sensitive "ages";
    Sex "sex" Sensitive "sexes";
    Ethnicity "ethnicity" Sensitive "origins";
    Religion "religion" Sensitive "religions";
    MaritalStatus "marital_status" Sensitive "marital status";
    FreeText "free_text" Sensitive "texts";
    Icd10 "icd_10" Sensitive "ICD-10 codes";
    Icd9 "icd_9" Sensitive "ICD-9 codes";
    Atc "atc" Sensitive "ATC codes";
    Snomed "snomed" Sensitive "SNOMED CT codes";
    Diagnosis "diagnosis" Sensitive "names of diseases";
    Medication "medication" Sensitive "names of medicines";
    DrugCode "drug_code" Sensitive "codes of medicines";
    Dose "dose" Sensitive "doses";
    Stage "stage" Sensitive "stages of a disease";
    BloodGroup "blood_group" Sensitive "blood groups";
    GeneticVariant "genetic_variant" Sensitive "genetic sequences or variants";
    LabValue "lab_value" Sensitive "laboratory values";
    VitalSign "vital_sign" Sensitive "vital signs";
    Insurer "insurer" Sensitive "kinds of insurance";
    Loinc "loinc" General "LOINC codes";
    TestName "test_name" General "names of tests";
    Unit "unit" General "units of measurement";
    Organisation "organisation" General "organisations";
    Department "department" General "departments or wards";
    Region "region" General "countries or states";
    Year "year" General "years";
    TimeOfDay "time_of_day" General "times of day";
    Duration "duration" General "durations";
    ProductCode "product_code" General "numbers of products or publications";
    Technical "technical" General "technical values";
    Amount "amount" General "amounts of money";
    Boolean "boolean" General "yes or no";
    Category "category" General "one of a few values";
    Counter "counter" General "running numbers";
    Count "count" General "whole numbers";
    Measure "measure" General "numbers";
    Text "text" General "short texts";
    Empty "empty" General "missing values only";
}
