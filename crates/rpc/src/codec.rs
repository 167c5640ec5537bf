//! The codec of all calls: that of tonic, with buffers that begin small. Thousands of sessions say
//! little, and each would hold 16 KiB of empty buffers; a message that is larger makes room for itself.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer begins with, in bytes.
const BEGIN: usize = 512;
/// So much is gathered of small messages before it is sent, in bytes: as much as tonic does.
const TOGETHER: usize = 32 << 10;

/// Messages of type `T` are sent, of type `U` received.
pub(crate) struct Lean<T, U>(PhantomData<fn(T) -> U>);

impl<T, U> Default for Lean<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Lean<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BEGIN, TOGETHER))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(BEGIN, TOGETHER))
    }
}
