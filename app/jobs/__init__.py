"""Training runs as processes of their own: a fair queue, a supervisor, workers that cannot outlive it."""
