-- A frame lives first as one row of `frames`. When enough have gathered they are moved into segments: one
-- row of `segments` for the frames of one layout (the same columns), and one row of `chunks` for each column
-- of it, so that one column of a long run is read without touching the others.
CREATE TABLE runs (
  key INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  task TEXT NOT NULL,
  optimizer TEXT NOT NULL,
  tags TEXT NOT NULL,
  config TEXT NOT NULL,
  owner TEXT NOT NULL,
  local INTEGER NOT NULL,
  status TEXT NOT NULL,
  outcome TEXT,
  reason TEXT NOT NULL DEFAULT '',
  step INTEGER NOT NULL DEFAULT 0,
  steps INTEGER,
  created REAL NOT NULL,
  started REAL,
  finished REAL,
  heard REAL,
  progressed REAL,
  speed REAL,
  latest TEXT NOT NULL DEFAULT '{}',
  sparkline TEXT NOT NULL DEFAULT '{}',
  control TEXT NOT NULL DEFAULT '{}',
  next_seq INTEGER NOT NULL DEFAULT 0,
  waiting_frames INTEGER NOT NULL DEFAULT 0,
  waiting_bytes INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_created ON runs (created);
CREATE INDEX runs_by_status ON runs (status);
CREATE TABLE details (run INTEGER PRIMARY KEY, tensors TEXT NOT NULL, facts TEXT NOT NULL) STRICT;
CREATE TABLE columns (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL, width INTEGER NOT NULL, UNIQUE (run, name)
) STRICT;
CREATE TABLE layouts (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, columns BLOB NOT NULL, UNIQUE (run, columns)
) STRICT;
CREATE TABLE frames (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, layout INTEGER NOT NULL,
  first_step INTEGER NOT NULL, rows INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (run, seq)
) STRICT;
CREATE TABLE events (run INTEGER NOT NULL, seq INTEGER NOT NULL, content TEXT NOT NULL) STRICT;
CREATE INDEX events_by_run ON events (run, seq);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, batch INTEGER NOT NULL, layout INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, rows INTEGER NOT NULL,
  first_step INTEGER NOT NULL, last_step INTEGER NOT NULL, stride INTEGER NOT NULL,
  steps BLOB, frames BLOB NOT NULL
) STRICT;
CREATE INDEX segments_by_run ON segments (run, first_seq);
CREATE TABLE chunks (segment INTEGER NOT NULL, column INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (segment, column)) STRICT;
CREATE TABLE summaries (segment INTEGER NOT NULL, column INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (segment, column)) STRICT;
