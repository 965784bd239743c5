"""What a configuration means, before anything runs. Imports nothing slow, and knows no paper."""
