"""Figures of the language models trained in a run."""
