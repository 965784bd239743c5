"""Figures of every run."""
