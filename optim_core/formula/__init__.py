"""Formulas in x and y: from hostile text to a checked expression, its gradient, Hessian and LaTeX."""
