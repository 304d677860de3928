"""What can be said of runs, one check a file; a file's name is its code (see `optim_core.finding`)."""
