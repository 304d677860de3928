"""The presets, one file each; a file's name is the preset's id."""
