"""Live events: a hub, a buffer of frames for each run, a cursor for each reader."""
