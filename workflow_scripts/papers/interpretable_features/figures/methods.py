"""Names and colours of ways to choose directions, alike in every figure."""

from workflow_scripts.anatomy.figures.style import PALETTE

LABELS = {
    "sae": "SAE",
    "ica": "ICA",
    "pca": "PCA",
    "basis": "Default basis",
    "random": "Random",
    "leace": "LEACE",
    "mean_difference": "Mean difference",
}
COLOURS = dict(zip(LABELS, PALETTE, strict=False))
