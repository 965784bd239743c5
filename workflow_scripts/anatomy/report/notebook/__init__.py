"""A finished run, opened in a notebook: its tables, stores and SAEs as objects."""
