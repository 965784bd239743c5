"""For each claim about interpretable features: what has to be otherwise for that claim alone to be false."""

from tests.papers.changes import every
from tests.papers.interpretable_features.worlds import RIVALS, WAYS

CONTRADICTIONS = {
    **{
        f"more_interpretable_than_{method}": every(
            "autointerp_means", "advantage", -0.01, method=method
        )
        for method in RIVALS
    },
    # The latents remove all of it, as before, and as many random directions as much.
    "latents_carry_a_capability": every(
        "erasure", "capability_lost", 0.96, method="random", n_ablated=16
    ),
    **{
        f"less_disruption_than_{method}": every(
            "erasure_matched", "log_ratio", 0.05, method=method, level=0.5
        )
        for method in WAYS
    },
    # Less while half is removed, and more at the end.
    "less_disruption_than_leace_to_the_end": every(
        "erasure_matched", "log_ratio", 0.05, method="leace", level=0.9
    ),
}
