"""Answers that are computed beside the event loop."""
