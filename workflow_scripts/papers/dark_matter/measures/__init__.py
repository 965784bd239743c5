"""Measures that no other paper takes."""
