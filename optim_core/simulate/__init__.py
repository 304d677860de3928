"""Optimizers on surfaces: one run on floats, thousands as one tensor."""
