"""The claims of one paper and their verdicts, as a table."""

from collections.abc import Iterable, Mapping

import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, evaluate


def verdicts(
    paper: str, claims: Iterable[Claim], tables: Mapping[str, pd.DataFrame], seed: int
) -> pd.DataFrame:
    """One row for each claim of a paper, in the order of its text; columns as of `evaluate`.

    tables: those of the paper that this run has, by name.
    """
    table = pd.DataFrame([evaluate(claim, tables, seed) for claim in claims])
    table.insert(1, "paper", paper)
    return table
