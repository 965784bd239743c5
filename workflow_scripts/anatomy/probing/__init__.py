"""What probes find in activations and in codes: labelled examples, sparse probes, targeted perturbation."""
