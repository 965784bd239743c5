"""What a reader opens: cards of SAEs, the explorer of latents, the report of a run."""
