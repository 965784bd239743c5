"""Appendix D: the test of Appendix C.3 on a sparse power-law sum of random directions.

Random directions have no structure that a linear map could use to tell one feature from another.
With many more directions than dimensions every set of them has nearly the same covariance up to
scale, so if the masked features carry a share a of the variance, the best linear prediction of the
error is a x, and FVU_nonlinear = a (1 - a): the parabola.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_scripts.papers.dark_matter.synthetic.codes import (
    independent_codes,
    power_law_probabilities,
)
from workflow_scripts.papers.dark_matter.synthetic.masked_reconstruction import (
    ablation_masks,
    masked_reconstruction_sweep,
)
from workflow_scripts.papers.dark_matter.synthetic.noise_sweep import sweep_table

# Tokens are independent here; they are resampled in groups for speed alone.
GROUP = 16
ORDERS = ("importance", "random")


def random_directions_table(
    *,
    features: int,
    d: int,
    l0: float,
    exponent: float,
    tokens: int,
    train_fraction: float,
    ablated_fractions: Sequence[float],
    seeds: Sequence[int],
    resamples: int = 200,
) -> pd.DataFrame:
    """FVU and FVU_nonlinear against the ablated fraction, without any noise.

    Parameters
    ----------
    features, d, l0: the paper has 100,000, 4,000 and about 100.
    exponent: firing probabilities fall as i^-exponent; an active feature has weight 1 on a Gaussian
        direction of expected squared norm 1.
    tokens, train_fraction: how many, and which share the regressions are fitted on.
    ablated_fractions: of the features; 0 among them.
    seeds: one data set each.

    Returns
    -------
    Columns seed, order (``importance``: least important first; ``random``), ablated_fraction,
    absent_variance (a), parabola (a (1 - a)), fvu, fvu_nonlinear with _lo and _hi, features, d, l0.
    """
    tables = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        probabilities = power_law_probabilities(features, l0, exponent)
        codes = independent_codes(tokens, probabilities, generator)
        directions = generator.standard_normal((features, d)) / np.sqrt(d)
        units = np.arange(tokens) // GROUP
        train = units < train_fraction * (units[-1] + 1)
        rate = np.asarray(codes.mean(axis=0)).ravel()
        variance = rate * (1 - rate) * (directions**2).sum(axis=1)
        for kind in ORDERS:
            order = generator.permutation(features) if kind == "random" else None
            sweep = masked_reconstruction_sweep(
                codes,
                directions,
                units,
                train,
                ablated_fractions=ablated_fractions,
                seed=seed,
                resamples=resamples,
                order=order,
            )
            masks = ablation_masks(codes, directions, ablated_fractions, order)
            absent = 1 - masks @ variance / variance.sum()
            estimates = [
                f"{name}{end}" for name in ("fvu", "fvu_nonlinear") for end in ("", "_lo", "_hi")
            ]
            table = sweep_table(sweep)[["ablated_fraction", *estimates]]
            table.insert(0, "order", kind)
            table.insert(0, "seed", seed)
            table["absent_variance"] = absent
            table["parabola"] = absent * (1 - absent)
            tables.append(table.assign(features=features, d=d, l0=codes.nnz / tokens))
    return pd.concat(tables, ignore_index=True)
