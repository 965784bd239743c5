"""The run itself: its language models, its SAEs, and what they do, whatever the papers."""
