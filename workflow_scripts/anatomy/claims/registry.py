"""All claims, by paper, and their verdicts as a table."""

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, evaluate
from workflow_scripts.papers.canonical_units.claims import batchtopk as canonical_units_batchtopk
from workflow_scripts.papers.canonical_units.claims import groups as canonical_units_groups
from workflow_scripts.papers.canonical_units.claims import insertion as canonical_units_insertion
from workflow_scripts.papers.canonical_units.claims import latents as canonical_units_latents
from workflow_scripts.papers.canonical_units.claims import path as canonical_units_path
from workflow_scripts.papers.canonical_units.claims import saes as canonical_units_saes
from workflow_scripts.papers.canonical_units.claims import toy as canonical_units_toy
from workflow_scripts.papers.dark_matter.claims import components as dark_matter_components
from workflow_scripts.papers.dark_matter.claims import error_saes as dark_matter_error_saes
from workflow_scripts.papers.dark_matter.claims import norms as dark_matter_norms
from workflow_scripts.papers.dark_matter.claims import reduction as dark_matter_reduction
from workflow_scripts.papers.dark_matter.claims import scaling as dark_matter_scaling
from workflow_scripts.papers.dark_matter.claims import synthetic as dark_matter_synthetic
from workflow_scripts.papers.dark_matter.claims import theory as dark_matter_theory
from workflow_scripts.papers.dark_matter.claims import vectors as dark_matter_vectors

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
