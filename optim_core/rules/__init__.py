"""The optimizers, one file each; a file's name is the optimizer's id."""
