"""The charts, one file each; a file's name is the chart's id."""
