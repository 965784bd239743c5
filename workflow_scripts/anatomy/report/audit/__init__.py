"""Audits: what a run is made of, whether it still is, and whether it comes out again."""
