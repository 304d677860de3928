"""Training a task: the loop, and what may be changed while it runs."""
