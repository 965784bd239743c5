"""From stores with planted latents to the table of figure 7, through the scripts themselves."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.running import ROOT
from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.interpretability.scores import QUANTILE_NAMES
from workflow_scripts.anatomy.text.tokenization import (
    load_tokenizer,
    token_strings,
    train_tokenizer,
)
from workflow_scripts.papers.dark_matter.figures.fig7 import draw
from workflow_scripts.papers.dark_matter.tables.fig7 import tabulate

POSITIONS, CONTEXTS, FIRST = 128, 240, 8

EXECUTE = """
import json, sys
from tests.running import execute
execute(**json.loads(sys.argv[1]))
"""


def run(script: str, folder: Path, **parts) -> subprocess.CompletedProcess:
    """Run a script in a process of its own, which may fail."""
    job = json.dumps({"script": script, "log": folder / f"{script}.log", **parts}, default=str)
    command = [sys.executable, "-c", EXECUTE, job]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A BPE of real source, its tokens, and two codes stores: planted latents, and random ones."""
    folder = tmp_path_factory.mktemp("stores")
    source = Path(sysconfig.get_paths()["stdlib"])
    texts = [(source / name).read_text() for name in ("ast.py", "cmd.py", "ftplib.py", "csv.py")]
    lines = [json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts)]
    (folder / "documents.jsonl").write_text("".join(lines))
    tokenizer = folder / "tokenizer.json"
    train_tokenizer(folder / "documents.jsonl", 1024, tokenizer)
    loaded = load_tokenizer(tokenizer)
    ids = [loaded.encode(text).ids for text in texts]
    size = CONTEXTS * POSITIONS
    tokens = np.concatenate(ids).astype(np.int32)[:size].reshape(CONTEXTS, POSITIONS)
    documents = np.repeat(np.arange(4, dtype=np.int32), [len(part) for part in ids])[:size]
    with writing(folder / "harvest.zarr", "activations") as group:
        group.create_array("tokens", data=tokens)
        group.create_array("documents", data=documents.reshape(tokens.shape))
        group.attrs.update({"hook_points": [], "min_position": FIRST})
    strings = token_strings(tokenizer)
    numbers = [i for i, text in enumerate(strings) if text.strip().isdigit()]
    generator = np.random.default_rng(0)
    planted = [np.isin(tokens, numbers), tokens == strings.index(" self"), tokens < 0]
    write_codes(folder / "linear.zarr", np.stack(planted, -1), generator)
    noise = [generator.random(tokens.shape) < 0.02 for _ in range(3)]
    write_codes(folder / "nonlinear.zarr", np.stack(noise, -1), generator)
    return folder


def write_codes(path: Path, fires: np.ndarray, generator: np.random.Generator) -> None:
    _, _, latents = np.nonzero(fires)
    l0 = fires.sum(-1, dtype=np.int32)
    with writing(path, "codes") as group:
        group.create_array("l0", data=l0)
        group.create_array("indices", data=latents.astype(np.int32))
        values = generator.gamma(2, 1, len(latents)) + 0.1
        group.create_array("values", data=values.astype(np.float32))
        group.create_array("offsets", data=np.concatenate([[0], np.cumsum(l0.sum(1))]))
        summary = {"l0": float(l0.mean())}
        group.attrs.update(width=3, model="m", sae=path.stem, min_position=FIRST, summary=summary)


def interpret(stores: Path, component: str, folder: Path, **block) -> subprocess.CompletedProcess:
    return run(
        "interpret_latents",
        folder,
        input={
            "activations": stores / "harvest.zarr" / "manifest.json",
            "codes": stores / f"{component.removesuffix('_error')}.zarr" / "manifest.json",
            "tokenizer": stores / "tokenizer.json",
        },
        output={
            "scores": folder / f"{component}.csv",
            "explanations": folder / f"{component}.jsonl",
        },
        params={
            "interpretability": {"latents": 200, **block},
            "site": "blocks.2.hook_resid_post",
            "component": component,
            "seed": 0,
            "sae_seed": 0,
        },
    )


def test_figure_7_from_stores(stores, tmp_path):
    components = ("linear_error", "nonlinear_error")
    for component in components:
        done = interpret(stores, component, tmp_path)
        assert done.returncode == 0, done.stderr
    lines = (tmp_path / "linear_error.jsonl").read_text().splitlines()
    number, word, dead = (json.loads(line) for line in lines)
    assert number["explanation"].startswith("fires on: digits")
    assert word["explanation"] == 'fires on: " self" (100%)'
    assert number["score"] > 0.95
    assert word["details"][0]["precision"] == 1.0
    assert dead["score"] is dead["explanation"] is None
    assert dead["problem"] == "too few activations to test on: 0, of 20 needed"
    scores = read_table(tmp_path / "linear_error.csv")
    assert len(scores) == 3 * len(QUANTILE_NAMES)
    assert set(scores["sae"]) == {"linear"}

    given = SimpleNamespace(scores=[tmp_path / f"{component}.csv" for component in components])
    write_table(
        tmp_path / "fig7.csv", tabulate(given, SimpleNamespace(seed=0, bootstrap=200))["table"]
    )
    table = read_table(tmp_path / "fig7.csv")
    assert list(table["component"].drop_duplicates()) == list(components)
    deciles = table[table["quantile"] != "Not"].groupby("component")["accuracy"].mean()
    assert deciles["linear_error"] > 0.95
    assert deciles["nonlinear_error"] < 0.3
    assert (table["latents"] == [2] * 11 + [3] * 11).all()
    assert len(draw(table).axes[0].get_legend().get_texts()) == 2


def test_the_same_seed_writes_the_same_bytes(stores, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert interpret(stores, "linear_error", tmp_path / name).returncode == 0
    for file in ("linear_error.csv", "linear_error.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_mistakes_in_the_configuration_take_one_line(stores, tmp_path):
    done = interpret(stores, "linear_error", tmp_path, backend="endpoint", model="m")
    assert done.returncode == 1
    assert "error: interpretability.base_url: give the http(s) address" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("linear_error*"))
