//! What prost generates from `proto/ripieno/v1`. Private: the types are not checked, and some of
//! them hold secrets. They have no `Debug` form.
#![allow(unreachable_pub, dead_code, unused_qualifications, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/ripieno.v1.rs"));
