"""What every room stands on: the one error for people, how a job starts, whole stores and tables, code digests."""
