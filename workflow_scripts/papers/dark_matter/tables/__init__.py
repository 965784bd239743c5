"""The tables of the figures, a function each."""
