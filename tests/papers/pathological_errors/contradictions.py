"""For each claim of the post and its comments: what has to be otherwise for that claim alone to be false."""

from tests.papers.changes import Change, all_of, every, replaced
from tests.papers.pathological_errors.worlds import of_sizes, pathology, top_tokens

SAE = {"intervention": "sae"}
RANDOM = {"baseline": "epsilon_random"}
BETWEEN = {"variable": "gap_of_layer"}
FIFTHS = {"axis": "cosine_of_tokens"}


def at_layers(table: str, column: str, value: float, **where: object) -> Change:
    """At one layer in the middle alone."""
    return every(table, column, value, layer=4, **where)


def pair(name: str, baseline: str, value: float, **where: object) -> Change:
    return every("controls", "ratio", value, intervention=name, baseline=baseline, **where)


LAYERS = {
    "sae_worse_than_random_at_every_layer": at_layers("interventions", "ratio", 0.98, **SAE),
    "twice_as_bad_on_average": every("interventions", "ratio", 1.9, **SAE),
    "smallest_ratio": (
        every("interventions", "ratio", 1.8, layer=0, **SAE),
        every("interventions", "ratio", 2.6, **SAE),
    ),
    "largest_ratio": (
        every("interventions", "ratio", 3.8, layer=8, **SAE),
        every("interventions", "ratio", 5.3, layer=8, **SAE),
    ),
    "loss_worse_at_every_layer": at_layers("interventions", "ce_ratio", 0.98, **SAE),
    "loss_twice_as_bad_on_average": (
        every("interventions", "ce_ratio", 1.9, **SAE),
        every("interventions", "ce_ratio", 4.2, **SAE),
    ),
    "loss_ratio_within": at_layers("interventions", "ce_ratio", 4.7, **SAE),
    "three_clusters": (
        at_layers("interventions", "kl", 0.035, intervention="cosine_random"),
        at_layers("interventions", "kl", 0.02, intervention="x_norm_of_sae"),
        at_layers("interventions", "kl", 0.022, intervention="sae_norm_of_x"),
    ),
    "not_shrinkage": pair("sae_norm_of_x", "sae", 0.75, layer=4),
    "norm_alone_does_little": at_layers(
        "interventions", "ratio", 1.1, intervention="x_norm_of_sae"
    ),
    "attention_ratio_not_below": at_layers("attention", "ratio", 0.8, **SAE),
    "attention_ratio_not_above": at_layers("attention", "ratio", 1.8, **SAE),
    "attention_gap_smaller": every("attention", "ratio", 3.3, **SAE),
    "attention_change_smaller": every("attention", "kl", 0.07, **SAE),
    "attention_norm_matters_more": every("attention", "kl", 2e-5, intervention="x_norm_of_sae"),
}

TOKENS = {
    "whole_distribution_shifted": every("kl_quantiles", "ratio", 0.95, quantile=0.5, layer=4),
    "higher_at_every_position": every("position", "ratio", 0.97, first=3, layer=4, **SAE),
    "gap_at_a_single_token": every("single_token", "ratio", 1.9, offset=0, layer=4, **SAE),
    "gap_at_the_next_token": every("single_token", "ratio", 1.9, offset=1, layer=4, **SAE),
    "gap_persists": all_of(
        *(every("single_token", "ratio", 0.9, offset=offset, **SAE) for offset in range(1, 17))
    ),
    "single_token_does_less": every("single_token", "kl", 0.07, offset=0, **SAE),
    "many_around_the_expectation": replaced(pathology=pathology(0.02, 0.9, 0.3)),
    "many_very_bad": replaced(pathology=pathology(0.2, 0.02, 0.3)),
    "comment_always_on_the_tail": replaced(pathology=pathology(0.65, 0.2, 0.3)),
    "comment_random_errors_alike": replaced(pathology=pathology(0.2, 0.7, 0.6)),
}

CORRELATES = {
    "gap_grows_with_the_error": every("correlates", "correlation", 0.1, variable="cosine"),
    "gap_hardly_with_active_latents": every(
        "correlates", "correlation", -0.4, variable="l0", layer=4
    ),
    "gap_not_with_frequency": every(
        "correlates", "correlation", -0.15, variable="log_frequency", layer=4
    ),
    "gap_with_position": every("correlates", "correlation", 0.03, variable="position"),
    "gaps_of_layers_go_together": every(
        "correlates", "correlation", -0.05, layer=4, other_layer=8, **BETWEEN
    ),
    "other_layers_strongest": (
        every("correlates", "correlation", -0.6, variable="cosine"),
        every("correlates", "correlation", 0.25, **BETWEEN),
    ),
    "top_tokens_vary": replaced(top_tokens=top_tokens(0.4)),
}

COMMENTS = {
    "perturbed_sae_worse_than_random": pair("sae_latents_perturbed", "sae_random", 0.9, layer=4),
    "latents_matter_more_than_random_directions": pair(
        "latents_perturbed", "epsilon_random", 0.9, layer=4
    ),
    "isotropic_baseline_is_lenient": pair("epsilon_errors", "epsilon_random", 0.9, layer=4),
    "anisotropy_is_most_of_the_gap": pair("epsilon_errors", "epsilon_random", 1.6),
    "anisotropy_is_all_of_the_gap": pair("sae", "epsilon_errors", 1.3),
    "directions_of_activations_are_all_of_the_gap": pair("sae", "epsilon_activations", 1.3),
    "errors_go_in_harmful_directions": pair("other_error", "epsilon_random", 0.9, layer=4),
    "errors_belong_to_their_tokens": pair("sae", "other_error_rotated", 0.9, layer=4),
    "rescaled_latents_do_less_harm": pair("sae_scaled", "scaled_random", 3.1),
    "shrinkage_of_latents_is_not_all": pair("sae_scaled", "scaled_random", 0.97, layer=4),
    "worse_at_high_cosine": every("sweep", "ratio", 0.6, part=4, **FIFTHS),
    "better_at_low_cosine": every("sweep", "ratio", 1.1, part=0, **FIFTHS),
    "capacity": replaced(by_width=of_sizes(0.05, 0.0)),
    "latents_of_a_larger_sae_help": every("by_component", "ratio", 3.1, subject="stitched"),
    "best_activations_help": every("by_component", "ratio", 3.1, subject="pursuit"),
    "l1_is_worse": replaced(by_architecture=of_sizes(0.0, -0.1)),
}

CONTRADICTIONS: dict[str, Change | tuple[Change, ...]] = {
    **LAYERS,
    **TOKENS,
    **CORRELATES,
    **COMMENTS,
}
