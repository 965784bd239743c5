"""What the papers claim, as entries that a run's tables decide."""
