"""What makes one doubt that an SAE is used as it was made for, from what its codes say of it."""

from collections.abc import Mapping
from typing import Any

FAR_FROM_L0 = 0.25  # of the stated one


def doubts(summary: Mapping[str, Any], nominal_l0: float | None) -> list[str]:
    """Sentences about an SAE's summary on a harvest (l0, fvu), without its name; none where all is well.

    nominal_l0: the L0 that it is said to have, or None.
    """
    found = []
    fvu, l0 = summary["fvu"], summary["l0"]
    if l0 == 0:
        found.append("no latent is active on any token")
    if fvu is not None and fvu > 1:
        found.append(
            f"FVU {fvu:.4g} is above 1: the mean activation is nearer to the activations than what it "
            "rebuilds"
        )
    if nominal_l0 and abs(l0 / nominal_l0 - 1) > FAR_FROM_L0:
        side = "above" if l0 > nominal_l0 else "below"
        found.append(f"L0 {l0:.4g} is far {side} the {nominal_l0:g} that is stated")
    return found
