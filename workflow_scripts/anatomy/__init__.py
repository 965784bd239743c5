"""The anatomy of sparse autoencoders: what they explain of a language model, and what they leave unexplained."""
