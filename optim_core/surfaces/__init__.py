"""Loss surfaces: what they are, which there are, and where their minima lie."""
