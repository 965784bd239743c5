"""What the printed numbers of the canonical-units paper say about each other, for notes of its claims."""

from workflow_scripts.papers.canonical_units.claims.paper import (
    GPT2,
    NOVEL_LATENT,
    PRINTED,
    TABLE_2,
)

MSE, ZERO, MEAN = (PRINTED.index(name) for name in ("mse", "celr_zero", "celr_mean"))


def rounding(number: float, digits: int) -> tuple[float, float]:
    """The numbers that are printed as this one with so many digits after the point."""
    half = 0.5 * 10.0**-digits
    return number - half, number + half


def recovery_scale(width: int) -> tuple[float, float]:
    """Bounds of (1 - CELR zero) / (1 - CELR mean) of a GPT-2 SAE, from its rounded row of Table 2.

    The ratio is that of what mean and zero ablation do to the loss, so no SAE has a part in it.
    """
    row = TABLE_2[GPT2][width]
    (zero_low, zero_high), (mean_low, mean_high) = (rounding(row[at], 3) for at in (ZERO, MEAN))
    return (1 - zero_high) / (1 - mean_low), (1 - zero_low) / (1 - mean_high)


def recovery_note() -> str:
    """SAEs whose printed losses recovered cannot have been measured against the same ablations."""
    bounds = {width: recovery_scale(width) for width in TABLE_2[GPT2]}
    apart = [
        f"{low:.3f} to {high:.3f} at {width}"
        for width, (low, high) in bounds.items()
        if any(low > other[1] for other in bounds.values())
    ]
    low, high = bounds[768]
    return (
        "the table contradicts itself: (1 - zero) / (1 - mean) is the loss that mean ablation costs over "
        "that of zero ablation, one number for a model; within rounding it is "
        f"{', '.join(apart)} and {low:.3f} to {high:.3f} at 768"
    )


def active_share(size: str, width: int) -> tuple[float, float]:
    """Bounds of the share of tokens with the example latent, from A.4's two MSEs and Table 2's mean."""
    inactive, active = NOVEL_LATENT[size]
    low, high = rounding(TABLE_2[GPT2][width][MSE], 2)
    return (low - inactive) / (active - inactive), (high - inactive) / (active - inactive)


def example_note() -> str:
    """A.4's example against Table 2."""
    small, large = active_share("small", 768), active_share("large", 1536)
    return (
        "A.4 and Table 2 do not fit one set of tokens: for the mean MSEs of Table 2 the example latent "
        f"would be active on {100 * small[0]:.1f} to {100 * small[1]:.1f} % of tokens by the smaller SAE, "
        f"and on no more than {max(0.0, 100 * large[1]):.1f} % by the larger one"
    )


def swaps_note() -> str:
    """What Table 2 and Fig. 18 leave for the swaps from 768 to 1536 latents."""
    before, after = (TABLE_2[GPT2][width][MSE] for width in (768, 1536))
    whole = 100 * (after / before - 1)
    return (
        f"by Table 2 the MSE changes by {whole:.1f} % from 768 to 1536 latents, and by Fig. 18 additions "
        f"account for no more than 10 of these, so the rest of the path has to lower it by {-whole - 10:.1f} "
        "% or more, against the caption of Fig. 17"
    )


def example_differences() -> tuple[float, float]:
    """By how much the MSE of the smaller and of the larger SAE is higher where the latent is active."""
    small, large = (active - inactive for inactive, active in NOVEL_LATENT.values())
    return small, large


def contradiction_note() -> str:
    """What the paper says about swaps in two places."""
    return (
        "the paper contradicts itself: by Section 4.2 and Fig. 5 swaps lower the MSE on average, by the "
        f"caption of Fig. 17 they generally raise it; {swaps_note()}"
    )
