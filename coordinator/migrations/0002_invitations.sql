-- What redeemed an invitation: the same once more gets the same certificate.
ALTER TABLE invitations ADD COLUMN request BLOB CHECK (length(request) = 32);
ALTER TABLE invitations ADD COLUMN serial TEXT REFERENCES certificates (serial) ON DELETE SET NULL;

-- Sites that have signed a successor of the charter in force, also where another proposal has taken
-- its place: a site signs one such version only.
CREATE TABLE bound (
    site INTEGER PRIMARY KEY
) STRICT;
