"""One thin script per rule, and the library `anatomy` that they call."""
