"""Decomposing The Dark Matter of Sparse Autoencoders."""
