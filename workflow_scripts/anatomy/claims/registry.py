"""All claims, by paper, and their verdicts as a table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.anatomy.claims import (
    canonical_units_batchtopk,
    canonical_units_groups,
    canonical_units_insertion,
    canonical_units_latents,
    canonical_units_path,
    canonical_units_saes,
    canonical_units_toy,
    dark_matter_components,
    dark_matter_error_saes,
    dark_matter_norms,
    dark_matter_reduction,
    dark_matter_scaling,
    dark_matter_synthetic,
    dark_matter_theory,
    dark_matter_vectors,
)
from workflow_scripts.anatomy.claims.claim import Claim, evaluate

CLAIMS: dict[str, Sequence[Claim]] = {
    "dark_matter": [
        *dark_matter_norms.CLAIMS,
        *dark_matter_vectors.CLAIMS,
        *dark_matter_scaling.CLAIMS,
        *dark_matter_components.CLAIMS,
        *dark_matter_error_saes.CLAIMS,
        *dark_matter_reduction.CLAIMS,
        *dark_matter_theory.CLAIMS,
        *dark_matter_synthetic.CLAIMS,
    ],
    "canonical_units": [
        *canonical_units_toy.CLAIMS,
        *canonical_units_insertion.CLAIMS,
        *canonical_units_path.CLAIMS,
        *canonical_units_batchtopk.CLAIMS,
        *canonical_units_latents.CLAIMS,
        *canonical_units_groups.CLAIMS,
        *canonical_units_saes.CLAIMS,
    ],
}


def verdicts(paper: str, tables: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """One row for each claim of a paper, in the order of its text; columns as of `evaluate`.

    tables: those of the paper that this run has, by row name.
    """
    table = pd.DataFrame([evaluate(claim, tables, seed) for claim in CLAIMS[paper]])
    table.insert(1, "paper", paper)
    return table
