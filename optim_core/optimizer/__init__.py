"""A rule as a torch optimizer: flat buffers and their layout."""
