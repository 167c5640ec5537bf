-- What a coordinator must not forget. Records are opaque here. Digests are 32 bytes, times seconds
-- since 1970-01-01 UTC where nothing else is said.

PRAGMA application_id = 1919512675;

-- last_epoch: the highest epoch number announced. revocation_list: how many lists were issued.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;
INSERT INTO counters (name, value) VALUES ('last_epoch', 0), ('revocation_list', 0);

-- Epochs that can be used.
CREATE TABLE epochs (
    number INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;

-- Where each study stands.
CREATE TABLE studies (
    study  BLOB PRIMARY KEY CHECK (length(study) = 32),
    record BLOB NOT NULL
) STRICT;

-- Certificates of slots.
CREATE TABLE outcomes (
    study      BLOB NOT NULL REFERENCES studies (study) DEFERRABLE INITIALLY DEFERRED,
    transcript BLOB NOT NULL CHECK (length(transcript) = 32),
    slot       INTEGER NOT NULL,
    record     BLOB NOT NULL,
    PRIMARY KEY (study, transcript, slot)
) STRICT;

-- Opened sums: small ones here, large ones as objects.
CREATE TABLE sums (
    study  BLOB NOT NULL REFERENCES studies (study) DEFERRABLE INITIALLY DEFERRED,
    round  INTEGER NOT NULL,
    record BLOB,
    object TEXT,
    PRIMARY KEY (study, round),
    CHECK ((record IS NULL) <> (object IS NULL))
) STRICT;

-- What was last seen of each site's ledger.
CREATE TABLE seen (
    site   INTEGER PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;

-- What happened in each study, for whoever watches it: 1, 2, ... without a gap.
CREATE TABLE events (
    study  BLOB NOT NULL CHECK (length(study) = 32),
    number INTEGER NOT NULL CHECK (number >= 1),
    at_ms  INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (study, number)
) STRICT, WITHOUT ROWID;

-- Every site that was ever invited. Rows stay, so neither a name nor a key is ever another site's.
CREATE TABLE sites (
    name            TEXT PRIMARY KEY,
    key             BLOB UNIQUE CHECK (length(key) = 32),
    charter_index   INTEGER UNIQUE REFERENCES indices (number),
    member          INTEGER NOT NULL DEFAULT 0 CHECK (member IN (0, 1)),
    seen            INTEGER NOT NULL DEFAULT 0,
    clock_offset    INTEGER NOT NULL DEFAULT 0,
    program         TEXT NOT NULL DEFAULT '',
    charter_version INTEGER NOT NULL DEFAULT 0,
    revoked         INTEGER,
    reason          TEXT
) STRICT;

-- Every index that a charter ever gave, and to whom. A site that comes back has a new one.
CREATE TABLE indices (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 65535),
    site   TEXT NOT NULL REFERENCES sites (name)
) STRICT;

-- Only the digest of an invitation's secret is kept.
CREATE TABLE invitations (
    secret  BLOB PRIMARY KEY CHECK (length(secret) = 32),
    site    TEXT NOT NULL REFERENCES sites (name),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
) STRICT;

-- A certificate that was withdrawn is on every revocation list from then on.
CREATE TABLE certificates (
    serial      TEXT PRIMARY KEY,
    site        TEXT NOT NULL REFERENCES sites (name),
    certificate BLOB NOT NULL,
    ends        INTEGER NOT NULL,
    withdrawn   INTEGER
) STRICT;
CREATE INDEX certificates_of_site ON certificates (site);

-- Charters in force, with the signatures that made them so.
CREATE TABLE charters (
    version INTEGER PRIMARY KEY CHECK (version >= 1),
    record  BLOB NOT NULL
) STRICT;

-- The charter that is proposed, if any, and who has signed it.
CREATE TABLE proposal (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    digest  BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    charter BLOB NOT NULL
) STRICT;
CREATE TABLE consents (
    digest  BLOB NOT NULL REFERENCES proposal (digest) ON DELETE CASCADE,
    site    INTEGER NOT NULL,
    consent BLOB NOT NULL,
    PRIMARY KEY (digest, site)
) STRICT;
