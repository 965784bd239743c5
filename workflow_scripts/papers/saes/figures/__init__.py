"""Figures of the SAEs of a run, whatever the paper."""
