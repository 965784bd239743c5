"""Claims of "Sparse Autoencoders Do Not Find Canonical Units of Analysis", by topic."""
