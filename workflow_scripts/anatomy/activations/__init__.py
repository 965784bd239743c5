"""Harvests of activations: written, opened, read in shuffled batches, summed."""
