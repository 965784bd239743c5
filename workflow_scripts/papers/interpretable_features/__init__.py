"""Sparse Autoencoders Find Highly Interpretable Features in Language Models."""
