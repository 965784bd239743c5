"""What is known of every SAE of a run."""
