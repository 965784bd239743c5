"""Section 5: what meta-SAEs explain of an SAE's decoder directions, beside controls and other architectures."""

from typing import Any

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, read_table, with_interval
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest, open_sae
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.papers.canonical_units.meta.directions import fewest_firing
from workflow_scripts.papers.canonical_units.meta.evaluation import Evaluation, interval
from workflow_scripts.papers.canonical_units.meta.plan import SAME_DIRECTIONS
from workflow_scripts.papers.canonical_units.meta.rows import rows_of


def tabulate(input: Named, params: Named) -> Tables:
    """input: meta_saes and their training curves; saes, the SAEs that they take apart, each once, and their
    codes in the same order. params: metas, their blocks in the order of meta_saes; bootstrap, seed."""
    opened = [open_sae(*paths) for paths in zip(input.saes, input.codes, strict=True)]
    taken_apart = {sae.name: sae for sae in opened}
    most = fewest_firing(input.codes)
    evaluations: dict[str, Evaluation] = {}
    curves, finals = [], []
    for meta, path, curve in zip(params.metas, input.meta_saes, input.curves, strict=True):
        sae = taken_apart[meta["sae"]]
        _, rows = rows_of(meta, sae.dictionary, sae.fires, most)
        found = Evaluation(load_dictionary(path), rows, params.bootstrap, params.seed)
        evaluations[meta["name"]] = found
        steps = read_table(curve)
        who = described(meta, sae, len(rows))
        curves.append(steps[["epoch", "variance_explained", "l0"]].assign(**who))
        finals.append(
            who
            | {"learning_rate": steps["learning_rate"].max()}
            | {"coefficient": steps["coefficient"].iloc[-1]}
            | found.columns()
            | {"reference": meta["reference"] or None}
            | {"l0_set_on": SAME_DIRECTIONS}
            | gap_columns(found, evaluations.get(meta["reference"]))
        )
    return {"table": pd.concat(curves), "final": pd.DataFrame(finals)}


def described(meta: dict[str, Any], sae: SaeOnHarvest, n_rows: int) -> dict[str, Any]:
    """The identifying columns of a meta-SAE."""
    names = ("part", "rows", "latents", "architecture", "k", "seed")
    return {
        "model": meta["model"],
        "site": meta["site"],
        "sae": meta["sae"],
        "width": sae.width,
        "n_rows": n_rows,
        "meta_sae": meta["name"],
        "meta_width": meta["width"],
        **{name: meta[name] for name in names},
    }


def gap_columns(found: Evaluation, reference: Evaluation | None) -> dict[str, float]:
    """By how much the reference explains more, and by how much its number of active meta-latents varies
    more; as many directions are resampled of both, together."""
    if reference is None:
        nothing = (float("nan"),) * 3
        return with_interval("gap", nothing) | with_interval("active_sd_gap", nothing)
    return with_interval("gap", interval(reference.explained - found.explained)) | with_interval(
        "active_sd_gap", interval(reference.active_sd - found.active_sd)
    )
