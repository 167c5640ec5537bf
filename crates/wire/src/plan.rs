//! The plan of a round.

use ripieno_study::plan::{Clip, MAX_VECTORS};
use ripieno_study::{Encoding, InputSpec, Packing, Plan};

use crate::error::{Fault, WireError};
use crate::field::{Wire, list, put_list};
use crate::pb;

impl Wire for Plan {
    type Proto = pb::Plan;

    fn to_proto(&self) -> pb::Plan {
        pb::Plan { inputs: put_list(&self.inputs), tile_lanes: self.tile_lanes }
    }

    fn from_proto(proto: pb::Plan) -> Result<Self, WireError> {
        let inputs = list("plan.inputs", proto.inputs, MAX_VECTORS)?;
        let plan = Self { inputs, tile_lanes: proto.tile_lanes };
        // Whether it also fits the participants is check S6, at the sites.
        plan.check(1).map_err(|error| Fault::Plan(error).of("plan"))?;
        Ok(plan)
    }
}

impl Wire for InputSpec {
    type Proto = pb::InputSpec;

    fn to_proto(&self) -> pb::InputSpec {
        let encoding = match self.encoding {
            Encoding::Wide => pb::input_spec::Encoding::Wide(pb::Wide {}),
            Encoding::Packed { packing, range, clip } => {
                pb::input_spec::Encoding::Packed(pb::Packed {
                    fields_per_lane: packing.fields(),
                    range,
                    clip: put_clip(clip),
                })
            }
        };
        pb::InputSpec { name: self.name.clone(), length: self.length, encoding: Some(encoding) }
    }

    fn from_proto(proto: pb::InputSpec) -> Result<Self, WireError> {
        let encoding = match proto.encoding {
            None => return Err(Fault::Missing.of("input_spec.encoding")),
            Some(pb::input_spec::Encoding::Wide(_)) => Encoding::Wide,
            Some(pb::input_spec::Encoding::Packed(packed)) => Encoding::Packed {
                packing: Packing::from_fields(packed.fields_per_lane).ok_or_else(|| {
                    Fault::Number { low: 1, high: 4 }.of("packed.fields_per_lane")
                })?,
                range: packed.range,
                clip: clip(packed.clip)?,
            },
        };
        Ok(Self { name: proto.name, length: proto.length, encoding })
    }
}

fn clip(value: i32) -> Result<Clip, WireError> {
    match pb::Clip::try_from(value) {
        Ok(pb::Clip::Refuse) => Ok(Clip::Refuse),
        Ok(pb::Clip::Coordinate) => Ok(Clip::Coordinate),
        Ok(pb::Clip::L2) => Ok(Clip::L2),
        Ok(pb::Clip::Unspecified) | Err(_) => Err(Fault::Unknown.of("packed.clip")),
    }
}

fn put_clip(clip: Clip) -> i32 {
    match clip {
        Clip::Refuse => pb::Clip::Refuse,
        Clip::Coordinate => pb::Clip::Coordinate,
        Clip::L2 => pb::Clip::L2,
    }
    .into()
}
