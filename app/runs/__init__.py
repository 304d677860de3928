"""The life of a run: from a request to its end and its removal."""
