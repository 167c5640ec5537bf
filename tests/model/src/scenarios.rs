//! The scenarios: small ones that are checked at every test run, larger ones on demand
//! (docs/verification.md).

use crate::bounds::{Bounds, Menu, Pace, Setup};

/// One slot among four honest sites, at any pace, in a study whose membership may change.
pub const OUTCOME: Bounds = Bounds {
    name: "outcome",
    honest: 4,
    corrupt: 0,
    slots: 1,
    short: false,
    epochs: 1,
    founded: true,
    steps: Setup::Whole,
    fixed: false,
    wanted: 0,
    limit: 4,
    salts: 1,
    crashes: 0,
    restores: 0,
    changes: 0,
    menu: Menu::Any,
    pace: Pace::Any,
};

/// The same with a corrupt site.
pub const CORRUPT: Bounds = Bounds { name: "corrupt", corrupt: 1, ..OUTCOME };

/// Four honest sites, of which one may restart at any moment.
pub const RESTART: Bounds = Bounds { name: "restart", crashes: 1, ..OUTCOME };

/// A study that wants all five sites.
pub const MINIMUM: Bounds = Bounds { name: "minimum", wanted: 5, ..CORRUPT };

/// One slot of a study with fixed membership.
pub const FIXED: Bounds = Bounds { name: "fixed", fixed: true, ..OUTCOME };

/// The rows at one site may change at any moment.
pub const ROWS: Bounds = Bounds { name: "rows", menu: Menu::All, changes: 1, ..OUTCOME };

/// Two contracts for one slot.
pub const CONTRACT: Bounds =
    Bounds { name: "contract", menu: Menu::Nested, pace: Pace::Prompt, ..OUTCOME };

/// An epoch is set up, message by message, and a slot is used.
pub const SETUP: Bounds = Bounds {
    name: "setup",
    founded: false,
    steps: Setup::Pipelined,
    pace: Pace::Prompt,
    ..CORRUPT
};

/// Epochs of every size are set up, for one number.
pub const RESIZE: Bounds =
    Bounds { name: "resize", founded: false, menu: Menu::All, pace: Pace::Prompt, ..CORRUPT };

/// The same for two numbers, one after the other.
pub const EPOCHS: Bounds = Bounds { name: "epochs", epochs: 2, ..RESIZE };

/// The same for one number, with three honest sites and a corrupt one.
pub const RENEW: Bounds = Bounds { name: "renew", honest: 3, ..RESIZE };

/// Two slots of a study with fixed membership.
pub const SLOTS: Bounds = Bounds { name: "slots", fixed: true, slots: 2, ..CONTRACT };

/// Two slots, one release, and rows that may change.
pub const RELEASES: Bounds =
    Bounds { name: "releases", menu: Menu::All, limit: 1, changes: 1, ..SLOTS };

/// Two slots, and rows that may change.
pub const REPEAT: Bounds = Bounds { name: "repeat", limit: 2, ..RELEASES };

/// Two epochs, one crash at any moment, and rows that may change.
pub const CRASH: Bounds = Bounds {
    name: "crash",
    honest: 3,
    corrupt: 1,
    epochs: 2,
    slots: 1,
    crashes: 1,
    changes: 1,
    ..REPEAT
};

/// Two epochs, and one site that is restored from an old backup at any moment.
pub const RESTORE: Bounds =
    Bounds { name: "restore", crashes: 0, changes: 0, restores: 1, ..CRASH };

/// The same in a study whose membership may change.
pub const CHANGING: Bounds = Bounds { name: "restore, may change", fixed: false, ..RESTORE };

/// One site is restored, and the next epoch is set up while rounds go on.
pub const PIPELINED: Bounds =
    Bounds { name: "restore-pipelined", steps: Setup::Pipelined, ..RESTORE };

/// One site is restored, and the next epoch has room for one slot more.
pub const LATE: Bounds = Bounds { name: "restore-late", slots: 2, short: true, ..RESTORE };

/// Five honest sites, two epochs of whatever size, and one that is restored.
pub const APART: Bounds =
    Bounds { name: "restore-apart", honest: 5, corrupt: 0, founded: false, ..RESTORE };

/// Small bounds, in the order of the texts. In each of them all properties hold.
pub const SHORT: &[Bounds] = &[
    OUTCOME, CORRUPT, RESTART, MINIMUM, FIXED, ROWS, CONTRACT, SETUP, RESIZE, EPOCHS, RENEW, SLOTS,
    RELEASES, REPEAT, CRASH, RESTORE, CHANGING, PIPELINED,
];

/// Larger bounds. In each of them all properties hold.
pub const LONG: &[Bounds] = &[
    Bounds { name: "outcome, 2 salts", salts: 2, ..OUTCOME },
    Bounds { name: "corrupt, 2 salts", salts: 2, ..CORRUPT },
    Bounds { name: "two corrupt", honest: 3, corrupt: 2, ..OUTCOME },
    Bounds { name: "restart, corrupt", corrupt: 1, ..RESTART },
    Bounds { name: "restart, rows change", changes: 1, ..RESTART },
    Bounds { name: "restart, corrupt, rows change", corrupt: 1, changes: 1, ..RESTART },
    Bounds { name: "restart twice", crashes: 2, ..RESTART },
    Bounds { name: "restore, 4 sites", honest: 4, corrupt: 0, ..RESTORE },
    LATE,
    Bounds { name: "restore, quiet, may change", steps: Setup::Quiet, ..CHANGING },
    Bounds { name: "restore, 5 sites", founded: true, ..APART },
    Bounds { name: "slots, crash", crashes: 1, ..SLOTS },
    Bounds { name: "slots, any P", menu: Menu::Any, ..SLOTS },
    Bounds { name: "restore-apart, minimum 4", wanted: 4, ..APART },
    Bounds { name: "restore, 4 honest", honest: 4, ..RESTORE },
    Bounds { name: "crash, 4 sites", honest: 4, corrupt: 0, changes: 0, ..CRASH },
    Bounds { name: "slots, may change", fixed: false, ..SLOTS },
    Bounds { name: "crash, in steps", steps: Setup::Pipelined, ..CRASH },
    Bounds { name: "outcome, 5 sites", honest: 5, ..OUTCOME },
];
