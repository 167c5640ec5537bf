//! R4: holders release shares; disputed ones are proved.

use std::time::Duration;

use ripieno_secagg::coordinator::Opening as Step;

use crate::phases::SlotContext;

/// The releases of a slot.
pub(crate) struct Opening {
    pub(crate) since: Duration,
    pub(crate) context: SlotContext,
    pub(crate) step: Step,
    /// Something came since the last reconstruction.
    pub(crate) fresh: bool,
}
