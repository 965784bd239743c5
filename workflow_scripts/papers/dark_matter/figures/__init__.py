"""Figures of "Decomposing The Dark Matter of Sparse Autoencoders"."""
