"""The interventions of the post and of its commenters: which are compared, with their names in figures."""

from workflow_scripts.anatomy.interventions.effect_ratios import BASELINE

# Of the post and of its follow-ups, and two that take everything away.
INTERVENTIONS = (
    "sae",
    "sae_norm_of_x",
    "epsilon_random",
    "epsilon_random_norm",
    "cosine_random",
    "real_difference",
    "x_norm_of_sae",
    "mean",
    "zero",
)
# What its commenters asked for, beside the isotropic random error ...
CONTROLS = (
    "sae",
    "sae_scaled",
    "real_difference",
    "epsilon_activations",
    "epsilon_errors",
    "other_error",
    "other_error_rotated",
    "latents_perturbed",
)
# ... and Sae(x) beside these, and other pairs that a comment compares.
CONTRASTS = (
    *((name, BASELINE) for name in CONTROLS),
    ("sae", "epsilon_activations"),
    ("sae", "epsilon_errors"),
    ("sae", "other_error"),
    ("sae", "other_error_rotated"),
    ("sae", "latents_perturbed"),
    ("sae_scaled", "sae"),
    ("sae_scaled", "scaled_random"),
    ("sae_norm_of_x", "sae"),
    ("sae_latents_perturbed", "sae_random"),
)

LABELS = {
    "sae": "Sae(x)",
    "sae_norm_of_x": "Sae(x), norm of x",
    "epsilon_random": "ε-random",
    "epsilon_random_norm": "ε-random, norm of x",
    "cosine_random": "cosine-random",
    "real_difference": "ε towards another activation",
    "x_norm_of_sae": "x, norm of Sae(x)",
    "mean": "mean",
    "zero": "zero",
    "sae_scaled": "Sae(x), latents rescaled",
    "scaled_random": "ε-random of its size",
    "epsilon_activations": "ε, covariance of x",
    "epsilon_errors": "ε, covariance of errors",
    "other_error": "another token's error",
    "other_error_rotated": "the same, own angle to x",
    "latents_perturbed": "x, latents perturbed",
    "sae_latents_perturbed": "Sae(x), latents perturbed",
    "sae_random": "Sae(x), ε-random",
}
