"""Frames of a run and where they go: memory, a file, a server."""
