"""A room for each paper; nothing outside this folder knows their names."""
