//! The library against a second implementation, written in Python from docs/protocol.md:
//! `tests/reference/generate.py` makes the vectors that are read here, good ones and spoilt ones.

mod cast;
mod keys;
mod messages;
mod people;
mod round;
mod slots;
mod spoilt;
mod support;
mod values;
