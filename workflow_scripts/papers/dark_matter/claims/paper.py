"""What all claims of the dark-matter paper have in common: its models, its tables, our caveat."""

# Names that models have in the presets; the paper is about these.
PAPER_MODELS = ("gemma-2-2b", "gemma-2-9b", "llama-3.1-8b")
GEMMA = ("gemma-2-2b", "gemma-2-9b")
MAIN_MODEL = ("gemma-2-9b",)

# Tables of the contour figures, which have every SAE of their sites.
CONTOURS = ("fig2", "fig10", "fig11")

LINEAR, NONLINEAR = "linear_error", "nonlinear_error"

OURS = "the paper gives no number for this; the threshold is ours"
