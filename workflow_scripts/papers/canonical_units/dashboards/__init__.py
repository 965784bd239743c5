"""Which latents figures 12 and 13 show, what is shown of them, and how alike pairs of latents are."""
