"""FVU against L0 of every SAE of a site, and of as many principal or independent components."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.activations.store import ActivationStore, open_activations
from workflow_scripts.anatomy.activations.sums import activation_sums
from workflow_scripts.anatomy.base.tables import IDENTITY, Named, Tables, identity, with_interval
from workflow_scripts.anatomy.codes.normalised_error import error_sums
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.bootstrap import document_interval, fvu_from_sums
from workflow_scripts.anatomy.statistics.components import Components, load_components
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.interpretable_features.truncation import SELECTIONS, grid, truncated

Key = tuple[str, str, int]  # method, selection, number of components


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations of a site; its components; its saes, and codes of these in the same order.
    params: site, analysis, seed."""
    store, site = open_activations(input.activations), params.site
    split = Split.of(params.analysis, params.seed, store)
    draws, seed = params.analysis["bootstrap"], params.seed
    components = load_components(input.components)
    opened = [open_codes(path) for path in input.codes]
    l0s = [_held_out_l0(codes, split) for codes in opened]
    counts = grid(min(len(found.readers) for found in components.values()), l0s)
    sums = activation_sums(store, site, split)
    kept = sums["count"] > 0
    sums = {name: part[kept] for name, part in sums.items()}
    residuals = component_errors(store, site, split, components, counts)
    residuals = {key: part[kept] for key, part in residuals.items()}

    def row(about: dict[str, Any], l0: float, residual: NDArray) -> dict[str, Any]:
        found = document_interval(
            fvu_from_sums, sums | {"residual2": residual[:, None]}, draws, seed
        )
        return about | {"l0": l0} | with_interval("fvu", found)

    rows = []
    for path, codes, l0 in zip(input.saes, opened, l0s, strict=True):
        residual = error_sums(codes, split)["residual2"][kept, 0]
        who = identity(description(path)["metadata"], codes.summary)
        made = {name: who[name] for name in IDENTITY} | {"method": "sae", "selection": "token"}
        made = row(made, l0, residual)
        for method in components:
            rival = at_l0(residuals, method, counts, l0)
            ratio = (np.nan,) * 3
            if rival is not None:
                pair = {"own": residual, "rival": rival}
                ratio = document_interval(lambda s: s["own"] / s["rival"], pair, draws, seed)
            made |= with_interval(f"fvu_over_{method}", ratio)
        rows.append(made)
    where = {name: rows[0][name] for name in ("model", "site")}
    for (method, selection, count), residual in residuals.items():
        rows.append(row(where | {"method": method, "selection": selection}, count, residual))
    return {"table": pd.DataFrame(rows)}


def component_errors(
    store: ActivationStore,
    site: str,
    split: Split,
    components: dict[str, Components],
    counts: list[int],
) -> dict[Key, NDArray]:
    """Squared errors of the held-out tokens, summed in each group of documents, (G,) float64."""
    units = store.units
    found: dict[Key, NDArray] = {}
    for block, x in store.blocks(site):
        _, test = split.masks(block, x.shape[1])
        groups = units.groups(block)[test]
        for method, of_method in components.items():
            for selection in SELECTIONS:
                for count, errors in truncated(of_method, x[test], counts, selection):
                    key = (method, selection, count)
                    here = np.bincount(groups, errors, units.n_groups)
                    found[key] = found.get(key, 0.0) + here
    return found


def at_l0(
    residuals: dict[Key, NDArray], method: str, counts: list[int], l0: float
) -> NDArray | None:
    """Squared errors (G,) of the strongest `l0` components of each token, linear between whole numbers;
    None where there are not as many."""
    low, high = int(np.floor(l0)), int(np.ceil(l0))
    if low < 1 or high > counts[-1]:
        return None
    share = l0 - low
    return (1 - share) * residuals[method, "token", low] + share * residuals[method, "token", high]


def _held_out_l0(codes: CodesStore, split: Split) -> float:
    """Mean number of active latents of the held-out tokens."""
    active = tokens = 0
    for block in codes.block_slices():
        l0 = codes.scalar("l0", block)
        _, test = split.masks(block, l0.shape[1])
        active, tokens = active + int(l0[test].sum()), tokens + int(test.sum())
    return active / tokens
