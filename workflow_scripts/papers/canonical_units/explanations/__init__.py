"""Explanations of meta-latents, and questions that can be answered with them (canonical-units paper, section 5)."""
