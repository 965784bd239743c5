"""The tables of the figures: a module and its function `tabulate` for each."""
