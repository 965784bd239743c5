"""Dot products with a probe of the norm stand in the rows of their latents, of SAEs that have them."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.report.shards.probed import with_probed

SAES = [{"model": "m", "site": "s", "sae": name} for name in ("other", "probed")]


def test_columns_are_of_the_saes_that_were_probed(tmp_path):
    rows = {
        "model": "m",
        "site": "s",
        "sae": ["probed", "probed", "not shown"],
        "latent": [2, 0, 1],
    }
    numbers = {"probe_dot": [1.5, -2.0, 9.0], "probe_dot_lo": [1.0, -3.0, 8.0]}
    table = pd.DataFrame(rows | numbers | {"probe_dot_hi": [2.0, np.nan, 10.0]})
    write_table(tmp_path / "fig.csv", table)
    tables = [pd.DataFrame({"latent": range(3)}) for _ in SAES]
    other, probed = with_probed(tables, [tmp_path / "fig.csv"], SAES)
    assert other.columns.tolist() == ["latent"]
    assert probed["probe_dot"].fillna(0).tolist() == [-2.0, 0, 1.5]
    assert probed["probe_dot_lo"].fillna(0).tolist() == [-3.0, 0, 1.0]
    assert with_probed(tables, [], SAES)[1].columns.tolist() == ["latent"]
