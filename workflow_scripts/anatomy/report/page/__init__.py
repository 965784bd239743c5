"""The report of a run: what its figures found, its claims, its SAEs, and how all of it was made, on one page."""
