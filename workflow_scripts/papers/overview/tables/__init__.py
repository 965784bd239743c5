"""Tables of every run."""
