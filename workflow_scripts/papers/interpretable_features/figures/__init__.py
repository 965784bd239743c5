"""Figures of the paper on interpretable features."""
