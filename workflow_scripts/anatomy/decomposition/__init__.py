"""SaeError = LinearError + NonlinearError, and one SAE's errors beside another's."""
