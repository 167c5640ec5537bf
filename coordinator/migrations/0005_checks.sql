-- A disk that gives back other bytes than were written is noticed: the digest of the schema, and of
-- each table whose rows are small. Where there is none, all are taken anew. From here on each record of
-- epochs, studies, outcomes, sums, seen and events ends with its own digest.
CREATE TABLE checks (
    name   TEXT PRIMARY KEY,
    digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

-- commits: how many transactions there were.
INSERT INTO counters (name, value) VALUES ('commits', 0);
