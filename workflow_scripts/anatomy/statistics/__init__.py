"""Streamed sums to numbers with intervals: splits, bootstrap, regressions. Knows neither SAEs nor papers."""
