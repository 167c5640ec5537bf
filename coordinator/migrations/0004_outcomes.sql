-- A site asks for the outcome of a slot by its name alone.
CREATE INDEX outcomes_of_slot ON outcomes (transcript, slot);
