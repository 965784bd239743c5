"""The folder of data: nothing leaves it, nothing in it can end a script, and it says what it left out."""

import re
import shutil
from itertools import pairwise

import numpy as np
import pytest

from tests.anatomy.report.synthetic_run import (
    CONTEXTS,
    HOSTILE,
    HOSTILE_NAMES,
    MODEL,
    POSITIONS,
    write_synthetic_run,
)
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.report.latents.extent import STRATA
from workflow_scripts.anatomy.report.shards.budget import MB, Kept, steps
from workflow_scripts.anatomy.report.shards.model_text import slug_of_model
from workflow_scripts.anatomy.report.shards.sae_folder import read_sae
from workflow_scripts.anatomy.report.shards.shard import parsed, read_shard, texts_of


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return write_synthetic_run(folder, latents=1300, saes=len(HOSTILE_NAMES) + 1, hostile=True)


@pytest.fixture(scope="module")
def data(run):
    return run.folder / "data"


def contents(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_names_of_files_are_plain_whatever_saes_are_called(run, data):
    assert {sae["sae"] for sae in run.saes} > set(HOSTILE_NAMES)
    for name in contents(data):
        assert re.fullmatch(r"([a-z0-9.-]+/)?[a-z0-9._-]+\.js", name), name
        assert ".." not in name
    everything = contents(run.folder)
    assert all(
        name.startswith((".written", "data", "assets", "explorer.html")) for name in everything
    )


def test_no_text_can_end_a_script(data):
    for name, content in contents(data).items():
        text = content.decode("ascii")
        assert not re.search(r"[<>&]", text), name
        assert not set(text) - {chr(code) for code in range(0x20, 0x7F)} - {"\n"}, name
        parsed(text)


def test_all_files_have_one_digest_that_stands_for_them_all(data, tmp_path):
    digests = {read_shard(path).digest for path in data.rglob("*.js")}
    assert len(digests) == 1 and re.fullmatch("[0-9a-f]{16}", min(digests))
    other = write_synthetic_run(tmp_path, latents=1300, saes=7, hostile=True, seed=1, page=False)
    assert {read_shard(path).digest for path in other.folder.rglob("data/*.js")} != digests


def test_two_writings_are_the_same_bytes(run, tmp_path):
    again = write_synthetic_run(tmp_path, latents=1300, saes=len(HOSTILE_NAMES) + 1, hostile=True)
    assert contents(again.folder) == contents(run.folder)


def test_the_index_is_the_tables(run, data):
    core = read_shard(data / "index-core.js").columns
    tables = run.tables
    assert core["sae"].tolist() == [n for n, table in enumerate(tables) for _ in range(len(table))]
    sources = {"density": "density", "error": "error_contribution", "cosine": "max_cosine"}
    header = read_shard(data / "run.js").header
    for column in header["columns"][4:]:
        key = column["key"]
        source = re.sub("^error_(lo|hi)$", r"error_contribution_\1", key)
        found = read_shard(data / f"index-{key}.js").columns["value"]
        sources[key] = source
        core = {**core, key: found}
    assert {"error_lo", "error_hi", "firings", "error_lift", "decoder_norm"} <= sources.keys()
    for key, source in sources.items():
        expected = np.concatenate([table[source].to_numpy(np.float32) for table in tables])
        assert np.array_equal(core[key], expected, equal_nan=True), key
    assert np.isnan(core["score"]).all()
    dead = core["density"] == 0
    assert dead.any() and np.isnan(core["error"][dead]).all()
    names = texts_of(read_shard(data / "names.js").columns, "names")
    assert names == [name.encode() for table in tables for name in table["name"]]


def test_saes_say_what_was_written_of_them(run, data):
    listed = read_shard(data / "saes.js").header["saes"]
    assert [sae["sae"] for sae in listed] == [
        re.sub("[\ud800-\udfff]", lambda half: half[0], sae["sae"]) for sae in run.saes
    ]
    for number, (sae, table) in enumerate(zip(listed, run.tables, strict=True)):
        assert sae["width"] == len(table) and sae["dead"] == (table["firings"] == 0).sum()
        files = {path.name for path in (data / sae["slug"]).iterdir()}
        assert files == {*(f"lat-{k}.js" for k in range(sae["blocks"])), "samples.js", "errors.js"}
        assert sae["cells"]["ce_recovered"] is None and "needs" in sae["missing"]["ce_recovered"]
        low, high = sae["cells"]["fvu"][1:]
        assert low < sae["cells"]["fvu"][0] < high
        for k in range(sae["blocks"]):
            shard = read_shard(data / sae["slug"] / f"lat-{k}.js")
            near = shard.columns["near_sae"]
            assert number not in near and near.max() < len(listed)


def test_the_run_says_what_it_is(run, data):
    header = read_shard(data / "run.js").header
    assert header["format"] == 1 and header["main"] == {"model": MODEL, "site": run.saes[0]["site"]}
    assert len(header["findings"]) == 3 and header["settings"]["lowered"] == []
    door = header["doors"]["largest_error"]
    number = [sae["slug"] for sae in run.saes].index(door["sae"])
    best = max(table["error_contribution"].max() for table in run.tables)
    row = run.tables[number].loc[door["latent"]]
    assert row["error_contribution"] == best == door["error_contribution"]
    assert door["error_lift"] == row["error_lift"]
    claims = read_shard(data / "claims.js").header["claims"]
    assert [claim["id"] for claim in claims] == [f"made_up/claim_{n}" for n in range(4)]
    assert claims[0]["text"] == claims[0]["statement"] and claims[0]["criterion"] == "above 0"
    assert claims[3]["measured"] is None


def test_tokens_are_their_bytes(run, data):
    vocabulary = read_shard(data / slug_of_model(MODEL) / "vocab.js").columns
    assert texts_of(vocabulary, "token") == run.tokens
    assert set(HOSTILE) <= set(run.tokens)


# ---- the budget


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    """Runs of one seed under ever smaller budgets: what each says, and the bytes of its data."""
    found = []
    budget = 30.0
    while not found or len(found[-1][0]["lowered"]) < 6:
        folder = tmp_path_factory.mktemp("budget")
        run = write_synthetic_run(
            folder, 300, 4, samples=16, windows=12, budget_mb=budget, page=False
        )
        settings = read_shard(folder / "data/run.js").header["settings"]
        size = sum(len(content) for content in contents(folder / "data").values())
        found.append((settings, size, run))
        budget = size / MB - 0.001 if len(settings["lowered"]) < 5 else 0.01
    return found


def test_what_is_left_out_goes_in_a_fixed_order(sizes):
    said = [settings["lowered"] for settings, _, _ in sizes]
    assert [len(each) for each in said] == list(range(7))
    for shorter, longer in pairwise(said):
        assert longer[: len(shorter)] == shorter
    assert [settings["samples"] for settings, _, _ in sizes] == [16, 8, 4, 4, 4, 4, 4]
    assert [settings["neighbours"] for settings, _, _ in sizes] == ["all"] * 4 + ["comparable"] * 3
    assert [settings["windows"] for settings, _, _ in sizes] == [12] * 5 + [7] * 2
    assert "nothing more to leave out" in said[-1][-1]


def test_the_data_are_within_the_budget_or_say_so(sizes):
    for settings, size, _ in sizes[:-1]:
        assert size <= settings["budget_mb"] * MB + 500
    assert sizes[-1][1] > sizes[-1][0]["budget_mb"] * MB


def test_less_is_a_part_of_more(sizes):
    (_, _, whole), (_, _, cut) = sizes[0], sizes[-1]
    for number, sae in enumerate(whole.saes):
        full, part = (
            read_shard(run.folder / "data" / sae["slug"] / "lat-0.js") for run in (whole, cut)
        )
        l0 = [each["l0"] for each in whole.saes]
        near = {int(other) for other in part.columns["near_sae"]}
        comparable = {
            n for n in range(4) if n != number and abs(l0[n] - l0[number]) <= l0[number] / 4
        }
        assert near == comparable
        for shard, strongest in ((full, 12), (part, 7)):
            latent, stratum = shard.columns["window_latent"], shard.columns["window_stratum"]
            counts = np.bincount(latent.astype(int) * (STRATA + 1) + stratum)
            assert set(counts[:: STRATA + 1].tolist()) <= {0, strongest}
            assert len(shard.columns["window_values"]) == shard.columns["window_length"].sum()
        samples = [
            read_shard(run.folder / "data" / sae["slug"] / "samples.js").columns["contexts"]
            for run in (whole, cut)
        ]
        shaded = [
            len(read_shard(run.folder / "data" / sae["slug"] / "errors.js").columns["error"])
            for run in (whole, cut)
        ]
        assert shaded == [CONTEXTS * POSITIONS, 0]
        assert len(samples[1]) == 4 and set(samples[1].tolist()) < set(samples[0].tolist())


def test_what_is_small_already_is_not_lowered():
    saes = [{"slug": "a", "l0": 1.0, "decomposed": False}]
    assert list(steps(Kept(4, 7, 1, "comparable"), saes)) == []
    assert [step.kept.samples for step in steps(Kept(6, 7, 1, "comparable"), saes)] == [4]


# ---- what was written before


def test_nothing_of_an_earlier_explorer_stays(tmp_path):
    write_synthetic_run(tmp_path, 60, 3, page=False)
    write_synthetic_run(tmp_path, 60, 2, page=False)
    folders = [path for path in (tmp_path / "data").iterdir() if path.is_dir()]
    assert len(folders) == 3  # two SAEs and the model
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".data")]


def test_a_damaged_file_of_an_sae_is_an_error(tmp_path):
    run = write_synthetic_run(tmp_path, 60, 2, page=False)
    written = tmp_path / ".written/0"
    shutil.copytree(written, tmp_path / "copy")
    (tmp_path / "copy/lat-0.js").write_text("anatomy(")
    with pytest.raises(AnatomyError, match="damaged"):
        read_sae(tmp_path / "copy")
    (tmp_path / "copy/lat-0.js").unlink()
    with pytest.raises(AnatomyError, match="missing"):
        read_sae(tmp_path / "copy/sae.json")
    assert read_sae(written)[0] == run.saes[0]
