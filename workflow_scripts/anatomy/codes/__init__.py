"""What an SAE makes of a harvest: sparse codes and their errors."""
