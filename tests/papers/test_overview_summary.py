"""The table of all SAEs, against the codes themselves."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.papers.overview.tables import summary

CONTEXTS, POSITIONS, D, FIRST = 30, 12, 6, 3


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("summary")
    x = correlated(CONTEXTS, POSITIONS, D).astype(np.float32)
    store = write_activations(folder / "x.zarr", x, min_position=FIRST)
    sae = random_dictionary(D, 24)
    sae.save(folder / "sae.safetensors")
    reconstruct(sae, store, SITE, folder / "codes.zarr")
    return SimpleNamespace(saes=[folder / "sae.safetensors"], codes=[folder / "codes.zarr"])


def test_quantiles_of_l0_are_over_the_tokens_that_count(files):
    codes = open_codes(files.codes[0])
    l0 = codes.rows(slice(0, CONTEXTS)).getnnz(axis=1).reshape(CONTEXTS, POSITIONS)[:, FIRST:]
    row = summary.tabulate(files, SimpleNamespace(nominal_l0=[None]))["table"].iloc[0]
    assert row["l0"] == pytest.approx(l0.mean()) and row["n_tokens"] == l0.size
    assert len(set(l0.ravel())) > 5
    for name, share in summary.QUANTILES.items():
        assert row[name] == np.quantile(l0, share, method="inverted_cdf")
        assert (l0 <= row[name]).mean() >= share > (l0 < row[name]).mean()
