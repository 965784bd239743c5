"""Claims of "Decomposing The Dark Matter of Sparse Autoencoders", by topic."""
