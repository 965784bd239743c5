"""Meta-SAEs: SAEs of the decoder directions of another SAE (canonical-units paper, section 5)."""
