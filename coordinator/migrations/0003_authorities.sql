-- The number of the list of authorities that the site has said to hold; 0 for none.
ALTER TABLE sites ADD COLUMN authorities INTEGER NOT NULL DEFAULT 0 CHECK (authorities >= 0);

-- What asked for a certificate: the same once more gets the same. Whether its site has shown it, or
-- has said that it is on its disk.
ALTER TABLE certificates ADD COLUMN asked BLOB CHECK (length(asked) = 32);
ALTER TABLE certificates ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
