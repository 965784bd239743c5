"""Language models: made or taken, hooked, run with something replaced, and their losses."""
