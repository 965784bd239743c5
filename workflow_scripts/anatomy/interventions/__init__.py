"""What a model loses when its activations are replaced."""
