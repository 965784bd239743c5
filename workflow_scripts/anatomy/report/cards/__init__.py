"""The card of an SAE: what it is, how good, compared with what, and what is known to be wrong."""
