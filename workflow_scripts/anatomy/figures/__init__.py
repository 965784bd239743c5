"""The figures: one module each, drawn from a table and from nothing else."""
