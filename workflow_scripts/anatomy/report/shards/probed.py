"""What probes of the norm of Sae(x) say of latents: columns of the index, of the SAEs that were probed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.anatomy.base.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

PROBED = ("probe_dot", "probe_dot_lo", "probe_dot_hi")


def with_probed(
    tables: Sequence["pd.DataFrame"], paths: Iterable[str | Path], saes: Sequence[Mapping[str, Any]]
) -> list["pd.DataFrame"]:
    """Tables of latents with the columns `PROBED`, where a table of `paths` has rows of an SAE.

    saes: of all that are shown, in their order.
    """
    found = list(tables)
    numbers = {(sae["model"], sae["site"], sae["sae"]): at for at, sae in enumerate(saes)}
    for path in paths:
        for who, rows in read_table(path).groupby(["model", "site", "sae"]):
            number = numbers.get(who)
            if number is not None:
                known = rows.set_index("latent")[list(PROBED)]
                found[number] = found[number].join(known, on="latent")
    return found
