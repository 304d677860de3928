"""How things are declared: kinds of settings, folders as catalogues, and the one error of bad input."""
