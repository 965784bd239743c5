"""Figures 2 and 19 of the canonical-units paper, from what their jobs are given to the drawing."""

from itertools import permutations
from types import SimpleNamespace

import pytest
import torch

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.figures.style import styled
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.papers.canonical_units.figures import fig2, fig19
from workflow_scripts.papers.canonical_units.tables import fig2 as tables_fig2
from workflow_scripts.papers.canonical_units.tables import fig19 as table_fig19
from workflow_scripts.papers.canonical_units.toy.colours_and_shapes import compose
from workflow_scripts.papers.registry import load_schema

THRESHOLD = 0.7


@pytest.fixture
def paths(tmp_path):
    """SAE and codes, by (width, seed); the harvest leaves some latents dead."""
    activations = write_activations(tmp_path / "harvest.zarr", correlated(6, 8, 5))
    found = {}
    for width, seed in ((16, 0), (16, 1), (16, 2), (8, 0), (20, 0)):
        about = {"architecture": "standard", "model": "planted", "site": SITE, "source": "planted"}
        about |= {"name": f"w{width}-s{seed}", "seed": seed, "nominal_l0": None}
        sae = random_dictionary(5, width, seed=seed, metadata=about)
        sae.b_enc[: width // 4] = -100.0
        path, codes = tmp_path / f"{sae.name}.safetensors", tmp_path / f"{sae.name}.codes.zarr"
        sae.save(path)
        reconstruct(sae, activations, SITE, codes)
        found[width, seed] = str(path), str(codes)
    return found


def share(first, second, firing):
    """Of the second's latents, how many have one of the first's at the threshold: one by one."""
    saes = [load_dictionary(path) for path, _ in (first, second)]
    fires = [open_codes(codes).latents("firing_count") > 0 for _, codes in (first, second)]
    taken = [
        [row for row, fire in zip(sae.W_dec, fired, strict=True) if fire or not firing]
        for sae, fired in zip(saes, fires, strict=True)
    ]
    cosine = torch.nn.functional.cosine_similarity
    like = [any(cosine(row, other, dim=0) >= THRESHOLD for other in taken[0]) for row in taken[1]]
    return sum(like) / len(like)


@pytest.mark.parametrize("with_seeds", [True, False])
def test_fig19_has_every_ordered_pair(paths, with_seeds):
    seeds = [(16, 0), (16, 1), (16, 2)] if with_seeds else []
    sizes = [(8, 0), (16, 0), (20, 0)]
    given = {}
    for name, chosen in (("seeds", seeds), ("sizes", sizes)):
        given[name] = [paths[key][0] for key in chosen]
        given[f"{name}_codes"] = [paths[key][1] for key in chosen]
    table = table_fig19.tabulate(SimpleNamespace(**given), SimpleNamespace(threshold=THRESHOLD))
    table = table["table"]
    for comparison, chosen in (("seeds", seeds), ("sizes", sizes)):
        part = table[table["comparison"] == comparison]
        pairs = list(zip(part["sae_small"], part["sae_large"], strict=True))
        names = [f"w{width}-s{seed}" for width, seed in chosen]
        assert sorted(pairs) == sorted(permutations(names, 2))
    for row in table.itertuples():
        ends = (row.width_small, row.seed_small), (row.width_large, row.seed_large)
        assert (row.sae_small, row.sae_large) == tuple(f"w{width}-s{seed}" for width, seed in ends)
        pair = [paths[end] for end in ends]
        assert row.reconstruction_share == pytest.approx(share(*pair, True))
        assert row.reconstruction_share_all == pytest.approx(share(*pair, False))
        assert row.firing_latents <= row.width_large * 3 // 4
        assert (
            row.reconstruction_share_lo <= row.reconstruction_share <= row.reconstruction_share_hi
        )
    assert (table["reconstruction_share"] != table["reconstruction_share_all"]).any()
    with styled():
        figure = fig19.draw(table)
    assert len(figure.axes) == 1 + with_seeds
    # A row's latents, compared with a column's; the diagonal is empty.
    cells = [text.get_text() for text in figure.axes[-1].texts]
    of = table[table["comparison"] == "sizes"].set_index(["width_large", "width_small"])
    pairs = permutations((8, 16, 20), 2)
    assert cells == [f"{of.loc[pair, 'reconstruction_share']:.2f}" for pair in pairs]


def test_fig2_from_configuration_to_drawing(tmp_path):
    about = load_schema()["properties"]["canonical_units"]["properties"]["toy"]["properties"]
    toy = {name: each["default"] for name, each in about.items()}
    toy |= {"shapes": 2, "steps": 60, "restarts": 2, "seeds": [3, 1]}
    made = tables_fig2.tabulate(SimpleNamespace(), SimpleNamespace(toy=toy))
    files = {name: tmp_path / f"{name}.csv" for name in ("table", "latents")}
    for name, path in files.items():
        write_table(path, made[name])
    table, latents = (read_table(path) for path in files.values())
    for read, made in zip((table, latents), compose(**toy), strict=True):
        assert list(read) == list(made)
        assert (read.to_numpy(float, na_value=-1) == made.to_numpy(float, na_value=-1)).all()
    assert list(table["dictionary_size"]) == [5, 5, 6, 6]
    with styled():
        figure = fig2.draw(table, latents)
    maps = [axes for part in figure.subfigs[:1] for axes in part.axes[:2]]
    for axes, size in zip(maps, (5, 6), strict=True):
        shown = axes.collections[0].get_array()
        assert shown.shape == (size, 5 + 6)
        order = [int(label.get_text()) for label in axes.get_yticklabels()]
        own = latents[(latents["seed"] == 3) & (latents["dictionary_size"] == size)]
        for place, latent in enumerate(order):
            of = own[own["latent"] == latent].set_index(["colour", "shape"])["cosine"]
            colours = [of[(i, float("nan"))] for i in range(3)]
            assert list(shown[place, :3]) == pytest.approx(colours)
            composed = [of[(i, j)] for i in range(3) for j in range(2)]
            assert list(shown[place, 5:]) == pytest.approx(composed)
