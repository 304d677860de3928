"""Who asks: host names, tokens, visitors, presence."""
