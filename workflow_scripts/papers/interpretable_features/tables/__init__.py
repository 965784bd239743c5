"""Tables of the paper on interpretable features."""
