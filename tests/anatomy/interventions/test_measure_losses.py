"""From a model, a harvest and SAEs to the tables and figures about losses, through what the jobs run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import plant_harvest, random_dictionary
from tests.running import run_script
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.figures.style import styled
from workflow_scripts.anatomy.interventions.loss_entries import load_entries
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.canonical_units.figures import fig7, fig9
from workflow_scripts.papers.canonical_units.tables import fig7 as table_fig7
from workflow_scripts.papers.canonical_units.tables import fig9 as table_fig9
from workflow_scripts.papers.canonical_units.tables import table2

SITE = "blocks.1.hook_mlp_out"
C, T, FIRST, D = 30, 12, 3, 16
ANALYSIS = {"split": "context", "train_fraction": 0.5, "bootstrap": 100}
# Architecture, width, k, seed; the first two take part in both halves of figure 7.
SAES = [
    ("batchtopk", 24, 4, 0),
    ("topk", 24, 4, 0),
    ("topk", 24, 4, 1),
    ("batchtopk", 40, 4, 0),
    ("topk", 24, 8, 0),
]
NAMES = [f"{architecture}-w{width}-k{k}-s{seed}" for architecture, width, k, seed in SAES]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A model, its harvest with BOS tokens, SAEs of two architectures, and their codes."""
    folder = tmp_path_factory.mktemp("losses")
    model = tiny("gpt2")
    model.save_pretrained(folder / "model")
    about = {"name": "tiny", "kind": "train", "path": "model", "dtype": "float32"}
    (folder / "model.json").write_text(json.dumps(about))
    ids = torch.randint(1, 50, (C, T), generator=torch.Generator().manual_seed(4))
    ids[:, 0] = 0
    with capturing(model, [SITE]) as captured:
        model(ids, use_cache=False)
    x = {SITE: captured[SITE].numpy()}
    store = plant_harvest(folder / "harvest.zarr", x, ids.numpy(), None, FIRST, has_bos=True)
    for name, (architecture, width, k, seed) in zip(NAMES, SAES, strict=True):
        top = {"activation": "topk", "k": k} if architecture == "topk" else {}
        sae = random_dictionary(D, width, seed, b_enc=torch.zeros(width), **top)
        sae.metadata |= {"name": name, "architecture": architecture, "nominal_l0": k, "site": SITE}
        sae.save(folder / f"{name}.safetensors")
        reconstruct(sae, store, SITE, folder / f"{name}.codes.zarr")
    return folder


def saes(folder, names=NAMES):
    return {
        "saes": [folder / f"{name}.safetensors" for name in names],
        "codes": [folder / f"{name}.codes.zarr" for name in names],
        "activations": folder / "harvest.zarr",
    }


def measure(folder, output, names=NAMES, code="1"):
    """Run the script; return which entries it measured."""
    text = run_script(
        "measure_losses",
        output.with_name("log"),
        input=saes(folder, names) | {"model": folder / "model.json", "maps": []},
        output={"losses": output},
        params={
            "code": code,
            "site": SITE,
            "in_parts": [],
            "contexts": 10,
            "analysis": ANALYSIS,
            "seed": 0,
            "device": "cpu",
            "threads": 1,
        },
    )
    found = [line.split(" ")[1] for line in text.splitlines() if line.endswith(": measured")]
    return [name.rstrip(":").removeprefix("sae/") for name in found]


@pytest.fixture(scope="module")
def losses(world, tmp_path_factory):
    output = tmp_path_factory.mktemp("measured") / "losses.npz"
    assert measure(world, output) == ["baselines", *NAMES]
    return output


def tabulate(module, folder, losses=None, **params):
    """The table of SAEs that all have their losses in one file, or, as for table 2, in files of their own."""
    given = SimpleNamespace(**saes(folder), losses=losses)
    params = SimpleNamespace(bootstrap=100, seed=0, **params)
    return module.tabulate(given, params)["table"]


def test_one_more_sae_is_measured_alone(world, losses, tmp_path):
    """Snakemake deletes the output before a job, and what was measured is there all the same."""
    output = tmp_path / "losses.npz"
    assert measure(world, output, NAMES[:-1]) == ["baselines", *NAMES[:-1]]
    output.unlink()
    assert measure(world, output) == [NAMES[-1]]
    assert output.read_bytes() == losses.read_bytes()
    assert measure(world, output) == []
    assert output.read_bytes() == losses.read_bytes()
    assert measure(world, output, NAMES[1:], code="2") == ["baselines", *NAMES[1:]]


def test_the_contexts_are_held_out(losses):
    count = load_entries(losses)["baselines"].sums["count"]
    held_out = Split("context", 0.5, 0, FIRST).held_out_contexts((C, T), 10)
    assert len(count) == len(held_out) == 10
    assert (count == T - FIRST - 1).all()


def test_table_2(world, losses):
    table = tabulate(table2, world, [losses] * len(NAMES), trained_as=["one"] * len(NAMES))
    assert list(table["sae"]) == NAMES
    entries = load_entries(losses)
    base = {name: sums.sum() for name, sums in entries["baselines"].sums.items()}
    for name, row in zip(NAMES, table.to_dict("records"), strict=True):
        loss = entries[f"sae/{name}"].sums["loss_sae"].sum()
        for ablation in ("zero", "mean"):
            ablated = base[f"loss_{ablation}"]
            expected = (ablated - loss) / (ablated - base["loss_clean"])
            assert row[f"celr_{ablation}"] == pytest.approx(expected, rel=1e-9)
            assert row[f"ce_{ablation}"] == pytest.approx(ablated / base["count"])
        assert row["ce_sae"] == pytest.approx(loss / base["count"])
        codes = open_codes(world / f"{name}.codes.zarr")
        error = codes.scalar("error_norm2")[:, FIRST:]
        assert row["mse"] == pytest.approx(error.mean(), rel=1e-12)
        assert row["mse_lo"] < row["mse"] < row["mse_hi"]
        assert row["l0"] == codes.scalar("l0")[:, FIRST:].mean()


def test_the_rendered_table_has_the_papers_columns(world, losses, tmp_path):
    table = tmp_path / "table2.csv"
    found = tabulate(table2, world, [losses] * len(NAMES), trained_as=["one"] * len(NAMES))
    write_table(table, found)
    columns = {"sae": "Name", "width": "Dict. size", "celr_zero": "CELR Zero"}
    run_script(
        "render_table",
        tmp_path / "log",
        input={"table": table},
        output={"rendered": tmp_path / "table2.md"},
        params={"caption": "A caption.", "columns": columns},
    )
    lines = (tmp_path / "table2.md").read_text().splitlines()
    assert lines[0] == "A caption."
    assert lines[2] == "| Name | Dict. size | CELR Zero |"
    assert lines[4].startswith(f"| {NAMES[0]} | 24 | ")
    assert len(lines) == 4 + len(NAMES)


def test_figure_7(world, losses):
    chosen = {"model": "planted", "site": SITE, "width": 24, "k": 4}
    table = tabulate(
        table_fig7, world, losses, chosen=chosen, nominal_l0=[k for _, _, k, _ in SAES]
    )
    size, sparsity = (table[table["comparison"] == name] for name in ("size", "sparsity"))
    assert set(size["sae"]) == {name for name in NAMES if "-k4-" in name}
    assert set(sparsity["sae"]) == {name for name in NAMES if "-w24-" in name}
    entries = load_entries(losses)
    base = {name: sums.sum() for name, sums in entries["baselines"].sums.items()}
    for row in table.to_dict("records"):
        loss = entries[f"sae/{row['sae']}"].sums["loss_sae"].sum()
        expected = (loss - base["loss_clean"]) / base["count"]
        assert row["ce_degradation"] == pytest.approx(expected, rel=1e-9)
        codes = open_codes(world / f"{row['sae']}.codes.zarr")
        assert row["nmse"] == pytest.approx(codes.summary["fvu"], rel=1e-5)
        assert row["nmse_lo"] < row["nmse"] < row["nmse_hi"]
        assert (row["architecture"], row["width"], row["k"], row["seed"]) in SAES
    with styled():
        figure = fig7.draw(table)
    points = [line.get_xydata() for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    expected = [
        part[["width", "nmse"]].to_numpy() for _, part in size.groupby("architecture", sort=False)
    ]
    for found, wanted in zip(points, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    titles = [axis.get_title() for axis in figure.axes[:2]]
    assert titles == ["Fixed number of active latents (k = 4)", "Fixed dictionary size (24)"]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["BatchTopK", "TopK"]


def test_figure_7_of_one_half_alone(world, losses):
    """No SAE has the other dictionary size: there are no panels of k, and no empty ones."""
    chosen = {"model": "planted", "site": SITE, "width": 99, "k": 4}
    table = tabulate(
        table_fig7, world, losses, chosen=chosen, nominal_l0=[k for _, _, k, _ in SAES]
    )
    assert set(table["comparison"]) == {"size"}
    with styled():
        assert len(fig7.draw(table).axes) == 2


def test_figure_9(world):
    table = tabulate(table_fig9, world)
    for name in NAMES:
        l0 = open_codes(world / f"{name}.codes.zarr").scalar("l0")
        rows = table[table["sae"] == name]
        for bos, part in ((True, l0[:, :1]), (False, l0[:, FIRST:])):
            found = rows[rows["bos"] == bos].set_index("active_latents")["count"]
            values, counts = np.unique(part, return_counts=True)
            assert found.to_dict() == dict(zip(values.tolist(), counts.tolist(), strict=True))
    # Every context begins with the same token, so all have the same latents there.
    assert (table[table["bos"]]["count"] == C).all()
    with styled():
        figure = fig9.draw(table)
    share = sum(line.get_ydata() for line in figure.axes[0].lines[:1])
    assert share.sum() == pytest.approx(1, abs=0.02)
    with styled():
        fig9.draw(table[~table["bos"]])
