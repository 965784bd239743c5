"""What `make run` shows while it runs: a bar on a terminal, a line for each job elsewhere."""
