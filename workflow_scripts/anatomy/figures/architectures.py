"""SAEs by their architecture, each with one name and one colour in every figure."""

import pandas as pd

from workflow_scripts.anatomy.setup.architectures import KNOWN, Architecture, present


def by_architecture(table: pd.DataFrame) -> list[tuple[Architecture, pd.DataFrame]]:
    """The rows of each architecture of a table, in the order of legends.

    Raises
    ------
    AnatomyError: an architecture without a label; its rows would be left out unseen.
    """
    return [
        (KNOWN[name], table[table["architecture"] == name])
        for name in present(table["architecture"], "column architecture of a figure's table")
    ]
