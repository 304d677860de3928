"""The web application: parses, calls optim_core, answers."""
