"""SAE reconstruction errors are (empirically) pathological: what a model makes of errors of one size."""
