//! A site's daemon and commands against a coordinator that does as it is told.

mod catalog;
mod charters;
mod commands;
mod doctor;
mod enrolment;
mod parcels;
mod records;
mod samples;
mod sessions;
mod support;
