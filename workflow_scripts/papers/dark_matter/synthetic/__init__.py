"""The decomposition on data whose truth is known (section 4, appendices B and D)."""
