"""SAE stitching: adding and swapping latents of a larger SAE into a smaller one (canonical-units paper)."""
