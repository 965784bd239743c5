"""Whether interventions come in clusters of KL: how far apart these are, and how wide."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import DOCUMENTS
from workflow_scripts.anatomy.claims.paired import covers, drawn
from workflow_scripts.papers.pathological_errors.claims.factors import log_sum

# From the smallest KL to the largest.
CLUSTERS = (
    ("x_norm_of_sae",),
    ("epsilon_random", "epsilon_random_norm", "cosine_random"),
    ("sae", "sae_norm_of_x"),
)


def apart(name: str) -> Measure:
    """The least factor between neighbouring clusters over the largest within one, at the worst layer."""

    def measure(tables: Tables) -> Measurement:
        found, resampled = [], np.empty(0)
        for _, part in tables[name].groupby(["model", "layer"]):
            part = part.set_index("intervention")
            missing = [each for cluster in CLUSTERS for each in cluster if each not in part.index]
            if missing:
                raise NotTestable(f"table {name} has no intervention {missing[0]} at a layer")
            found.append(_of_layer(part))
            resampled = drawn(part, "kl")
        ends = (min(getattr(each, end) for each in found) for end in ("value", "lo", "hi"))
        return Measurement.of(ends, covers(DOCUMENTS, resampled))

    words = " | ".join(", ".join(cluster) for cluster in CLUSTERS)
    return Measure(
        f"least factor of kl between the clusters {words}, over the largest within one, at any layer ({name})",
        measure,
    )


def _of_layer(part: pd.DataFrame) -> Measurement:
    """Of one layer: between the rows that are nearest across and farthest within, as they were found."""
    kl = {name: float(np.log(part.loc[name, "kl"])) for name in part.index}
    edges = [(_least(kl, cluster), _most(kl, cluster)) for cluster in CLUSTERS]
    steps = [(above[0], below[1]) for below, above in pairwise(edges)]
    near = min(steps, key=lambda step: kl[step[0]] - kl[step[1]])
    wide = max(edges, key=lambda edge: kl[edge[1]] - kl[edge[0]])
    names = list(part.index)
    weights: NDArray = np.zeros(len(names))
    for sign, name in ((1, near[0]), (-1, near[1]), (-1, wide[1]), (1, wide[0])):
        weights[names.index(name)] += sign
    table = part.reset_index()
    used = weights != 0
    return log_sum(table[used].reset_index(drop=True), "kl", weights[used])


def _least(kl: Mapping[str, float], cluster: Sequence[str]) -> str:
    return min(cluster, key=lambda name: kl[name])


def _most(kl: Mapping[str, float], cluster: Sequence[str]) -> str:
    return max(cluster, key=lambda name: kl[name])
