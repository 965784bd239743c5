"""What is known of each latent of an SAE: its part in the error, where it fires, what it is near."""
