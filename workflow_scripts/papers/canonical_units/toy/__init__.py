"""Coloured shapes, and the small ReLU SAEs that are trained on them (Figure 2)."""
