"""The figures: a module and its function `draw` for each."""
