"""Tables made as in a notebook: `tabulate` with plain namespaces, no Snakemake about."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.anatomy.base.draws import DRAWS, drawn, save_draws
from workflow_scripts.anatomy.base.tables import VECTORS, write_table
from workflow_scripts.papers.dark_matter.tables import appendix_d, fig6, planted_truth, scaling

ENDS = ("", "_lo", "_hi")
WIDTHS = (512, 64, 256, 128)


@pytest.fixture
def scores(tmp_path):
    """Scores of SAEs in no order of width: FVU is 0.1 + 4 / W, and 0.01 less under pursuit."""
    paths = {name: [] for name in ("scores", "draws", "pursuit_scores", "pursuit_draws")}
    for kind, less in (("scores", 0.0), ("pursuit_scores", 0.01)):
        for width in WIDTHS:
            about = {"model": "planted", "site": "blocks.1.hook_resid_post", "sae": f"w{width}"}
            about |= {"architecture": "topk", "width": width, "l0": 8.0, "seed": 0}
            row = about | {"split": "context"}
            for end in ENDS:
                row |= {f"fvu{end}": 0.1 + 4 / width - less, f"fvu_nonlinear{end}": 0.05 - less}
                row |= {f"norm_r2_{name}{end}": n / width for n, name in enumerate(VECTORS)}
            resampled = np.arange(5.0)
            row |= {f"{name}{DRAWS}": resampled / width - less for name in ("fvu", "fvu_nonlinear")}
            row |= {f"norm_r2_{name}{DRAWS}": n + resampled for n, name in enumerate(VECTORS)}
            path, draws = (tmp_path / f"{kind}-{width}{end}" for end in (".csv", ".draws.npz"))
            write_table(path, pd.DataFrame([row]))
            save_draws(draws, pd.DataFrame([row]))
            paths[kind].append(path)
            paths[kind.replace("scores", "draws")].append(draws)
    return SimpleNamespace(**paths)


def test_pursuit_stands_beside_the_same_sae(scores):
    tables = scaling.tabulate(scores, SimpleNamespace())
    table, fit = tables["table"], tables["fit"].set_index("codes")
    assert list(table["width"]) == sorted(WIDTHS)
    for name in ("fvu", "fvu_nonlinear"):
        for end in ENDS:
            less = table[f"{name}{end}"] - table[f"{name}_pursuit{end}"]
            assert less.tolist() == pytest.approx([0.01] * len(WIDTHS))
        found = drawn(table, name) - drawn(table, f"{name}_pursuit")
        assert found == pytest.approx(np.full((len(WIDTHS), 5), 0.01), abs=1e-6)
    assert drawn(table, "fvu")[:, 1] == pytest.approx(1 / np.sort(WIDTHS))
    law = fit.loc["sae", ["c", "a", "m", "horizontal"]].tolist()
    assert law == pytest.approx([0.1, 4.0, 1.0, 0.05], rel=1e-4)
    assert fit.loc["pursuit", "c"] == pytest.approx(0.09, rel=1e-4)
    assert fit.loc["pursuit", "horizontal"] == pytest.approx(0.04)
    for name in ("c", "a", "m", "horizontal"):
        assert (fit[f"{name}_lo"] <= fit[name] * (1 + 1e-12)).all()
        assert (fit[name] <= fit[f"{name}_hi"] * (1 + 1e-12)).all()


def test_figure_6_has_every_vector_of_every_sae(scores):
    table = fig6.tabulate(scores, SimpleNamespace())["table"]
    assert list(table["vector"].drop_duplicates()) == list(VECTORS)
    for number, name in enumerate(VECTORS):
        rows = table[table["vector"] == name]
        assert rows["width"].tolist() == list(WIDTHS)
        for end in ENDS:
            assert rows[f"r2{end}"].tolist() == pytest.approx([number / width for width in WIDTHS])
        assert (drawn(rows, "r2") == number + np.arange(5)).all()


@pytest.mark.parametrize("module", [appendix_d, planted_truth])
def test_every_repetition_has_a_seed_of_its_own(module, monkeypatch):
    """And the options of the configuration stay as they are for whoever reads them next."""
    name = "bias_table" if module is planted_truth else "random_directions_table"
    monkeypatch.setattr(module, name, lambda **given: given)
    params = SimpleNamespace(options={"repeats": 3, "d": 16}, seed=5, bootstrap=100)
    for _ in range(2):
        given = module.tabulate(SimpleNamespace(), params)["table"]
        assert given == {"d": 16, "seeds": [5, 6, 7], "resamples": 100}
