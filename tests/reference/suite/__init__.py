"""The arithmetic of suite ripieno-1, as docs/protocol.md has it. Plain and slow."""
