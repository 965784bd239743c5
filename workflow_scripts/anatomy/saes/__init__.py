"""SAEs: trained or taken, and one canonical dictionary of them all."""
