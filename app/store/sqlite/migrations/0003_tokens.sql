-- Tokens of visitors' own, of which the digest alone is kept; and from where a run was started.
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL
) STRICT;
ALTER TABLE runs ADD COLUMN place TEXT NOT NULL DEFAULT '';
