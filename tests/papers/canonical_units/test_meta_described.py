"""Meta-latents as the explorer shows them, against the planted ones."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.papers.canonical_units.explanations_stores import META, SILENT, planted
from tests.running import run_script
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.report.shards.meta_latents import meta_sae
from workflow_scripts.papers.canonical_units.meta import described

TEXTS = ['fires on: "a" (88%)', None]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The planted SAE, its true meta-SAE, and what was written of the meta-latents."""
    folder = tmp_path_factory.mktemp("described")
    found = planted(folder, True)
    rows = {"kind": ["latent", "meta_latent", "meta_latent"], "latent": [0, 0, 1]}
    rows |= {"score": [0.6, 0.7, np.nan], "explanation": ["other", *TEXTS]}
    write_table(folder / "explanations.csv", pd.DataFrame(rows))
    given = vars(found.files) | {"saes": [found.files.sae], "codes_of_saes": [found.files.codes]}
    output = {
        kind: folder / f"meta_latents.{end}"
        for kind, end in {"table": "csv", "arrays": "npz", "about": "json"}.items()
    }
    run_script(
        "describe_meta_latents",
        folder / "log",
        input=given,
        output=output,
        params={"described_by": described.__name__},
    )
    return found.owners, output


def test_the_table_has_every_meta_latent_and_what_it_is_active_on(world):
    owners, output = world
    table = read_table(output["table"])
    assert table["latent"].tolist() == list(range(META))
    np.testing.assert_array_equal(table["firings"], owners.sum(0))
    np.testing.assert_allclose(table["density"], owners.mean(0))
    assert table["name"].fillna("").tolist() == ['"a" (88%)', *[""] * (META - 1)]
    assert table["score"].iloc[0] == 0.7 and table["score"].iloc[1:].isna().all()
    # A latent is the sum of two or three meta-latents at right angles: the nearest are those of two.
    np.testing.assert_allclose(table["max_cosine"], 1 / np.sqrt(2), atol=1e-5)
    assert set(table["nearest_sae"]) == {"sae"}
    assert all(owners[n, meta] for meta, n in enumerate(table["nearest_latent"]))


def test_the_file_of_parts_has_all_strengths_of_all_latents(world):
    owners, output = world
    own = json.loads(output["about"].read_text())
    saes = [{"model": "another", "site": own["site"], "sae": "sae"}, own | {"sae": "sae"}]
    about, (path, shard) = meta_sae(output["about"], output["arrays"], saes)
    assert path == f"{about['slug']}/parts.js" and shard.key == f"parts:{about['slug']}"
    assert (about["apart"], about["of"], about["meta"]) == (1, "sae", True)
    assert (about["sae"], about["width"]) == ("main-s0-of-sae", META)
    assert shard.header == {"rows": len(owners)}
    columns = shard.columns
    dense = np.zeros((len(owners) + SILENT, META))
    dense[columns["part_latent"], columns["part_meta"]] = columns["part_strength"]
    expected = owners / np.sqrt(owners.sum(1, keepdims=True))
    np.testing.assert_allclose(dense[: len(owners)], expected, rtol=1e-3)
    assert not dense[len(owners) :].any()
    assert (np.diff(columns["part_latent"].astype(int)) >= 0).all()
    assert set(columns["near_sae"]) == {1}
    assert columns["near_latent"].tolist() == list(range(META))
