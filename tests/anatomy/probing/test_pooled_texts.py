"""Texts through a model against one text at a time; padding takes no part; the scripts on local files."""

import csv
import json

import numpy as np
import pytest
import torch

from tests.anatomy.models.tiny_models import tiny
from tests.conftest import random_dictionary
from tests.running import run_script
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.models.hook_points import capturing
from workflow_scripts.anatomy.probing.accuracies import open_results
from workflow_scripts.anatomy.probing.pooled_texts import pool_texts, text_examples, token_ids
from workflow_scripts.anatomy.probing.pooling import Pooled, open_pooled
from workflow_scripts.anatomy.text.tokenization import train_tokenizer

SITE = "blocks.1.hook_resid_post"
LENGTHS = (3, 9, 2, 14, 7, 3, 5, 11, 2, 8, 4, 6, 13, 2, 3, 12, 5, 9)


def some_ids(bos):
    rng = np.random.default_rng(0)
    first = [] if bos is None else [bos]
    return [first + rng.integers(1, 50, n).tolist() for n in LENGTHS]


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("bos", [None, 0])
def test_a_text_is_the_mean_of_its_tokens_alone(family, bos):
    model, ids = tiny(family), some_ids(bos)
    dictionaries = [random_dictionary(16, width, center=width == 24) for width in (24, 40)]
    found = Pooled(pool_texts(model, SITE, ids, bos, dictionaries))
    for at, each in enumerate(ids):
        with capturing(model, [SITE]) as captured, torch.no_grad():
            model(input_ids=torch.tensor([each]))
        x = captured[SITE][0][int(bos is not None) :]
        np.testing.assert_allclose(found.activations[at], x.mean(0), rtol=1e-4, atol=1e-5)
        for dictionary in dictionaries:
            codes = dictionary.encode(x).to_dense(dictionary.width).mean(0)
            mine = found.codes(dictionary.name)[at].toarray()[0]
            np.testing.assert_allclose(mine, codes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pad", [0, 7, 49])
def test_padding_takes_no_part(pad):
    model, ids = tiny("gpt2"), some_ids(0)
    dictionary = random_dictionary(16, 24)
    expected = pool_texts(model, SITE, ids, 0, [dictionary], pad=1)
    found = pool_texts(model, SITE, ids, 0, [dictionary], pad=pad)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    # One long text among them pads all others further.
    longer = pool_texts(model, SITE, [*ids, [0] + [3] * 15], 0, [dictionary], pad=pad)
    np.testing.assert_allclose(
        longer["activations"][:-1], expected["activations"], rtol=1e-5, atol=1e-6
    )


def test_examples_of_texts_are_one_class_against_the_others():
    rows = [{"label": f"c{n % 4}", "train": n % 3 > 0} for n in range(120)]
    examples = text_examples(rows, "set", 0)
    assert [each.label for each in examples.problems] == ["c0", "c1", "c2", "c3"]
    for problem in examples.problems:
        assert [rows[at]["label"] == problem.label for at in problem.rows] == list(problem.positive)
        for side in (True, False):
            mine = problem.positive[examples.train[problem.rows] == side]
            assert mine.sum() * 2 == len(mine) > 0
    two = text_examples([row for row in rows if row["label"] in ("c0", "c1")], "set", 0)
    assert [each.label for each in two.problems] == ["c0"], "the other class is the same problem"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A CSV of three classes through every script but those of tables, and where the files are."""
    folder = tmp_path_factory.mktemp("run")
    words = {"fruit": "apple pear", "tool": "hammer saw", "sky": "star moon"}
    rows = [
        {"text": f"the {words[label].split()[n % 2]} number {n} " * (1 + n % 3), "label": label}
        for label in words
        for n in range(60)
    ]
    with open(folder / "texts.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "documents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    vocabulary = train_tokenizer(folder / "documents.jsonl", 290, folder / "tokenizer.json")
    model = tiny("gpt2")
    model.resize_token_embeddings(vocabulary, mean_resizing=False)
    torch.nn.init.normal_(model.get_input_embeddings().weight)
    model.save_pretrained(folder / "model")
    about = {"name": "tiny", "kind": "hf", "path": str(folder / "model"), "dtype": "float32"}
    about |= {"context_length": 16, "n_layers": 3, "bos_id": 0, "has_bos": True}
    (folder / "model.json").write_text(json.dumps(about))
    block = {"kind": "text_files", "paths": [str(folder / "texts.csv")], "text_column": "text"}
    block |= {"label_column": "label", "classes": None, "train_examples": 60, "test_examples": 40}
    texts, pooled = folder / "texts.jsonl", folder / "pooled.npz"
    run_script(
        *("collect_labelled_texts", folder / "a.log"),
        output={"texts": str(texts)},
        params={"labelled": block, "name": "things"},
    )
    dictionaries = [random_dictionary(16, width, seed=width) for width in (24, 40)]
    for each in dictionaries:
        each.save(folder / f"{each.name}.safetensors")
    paths = [str(folder / f"{each.name}.safetensors") for each in dictionaries]
    run_script(
        *("pool_labelled_texts", folder / "b.log"),
        input={
            **{"texts": str(texts), "model": str(folder / "model.json"), "saes": paths},
            "tokenizer": str(folder / "tokenizer.json"),
        },
        output={"pooled": str(pooled)},
        params={"name": "things", "site": SITE, "context_length": 64, "seed": 0}
        | {"device": "cpu", "threads": 1},
    )
    dense = folder / "dense.npz"
    run_script(
        *("probe_activations", folder / "c.log"),
        input={"pooled": str(pooled)},
        output={"results": str(dense)},
        params={"name": "things"},
    )
    probing = {"k_latents": [1, 5], "selection": "mean_difference", "ablated": [2, 30]}
    probing |= {"ablation": "error_kept"}
    results = []
    for each, path in zip(dictionaries, paths, strict=True):
        codes, results = _codes(folder, each), [*results, folder / f"{each.name}.npz"]
        run_script(
            *("probe_latents", folder / "d.log"),
            input={"pooled": str(pooled), "dense": str(dense), "sae": path, "codes": codes},
            output={"results": str(results[-1])},
            params={"probing": probing},
        )
    return folder, dense, results


def _codes(folder, dictionary):
    """Codes of an SAE on some harvest, which its L0 in tables is of."""
    from tests.conftest import SITE as PLANTED
    from tests.conftest import correlated, write_activations

    store = write_activations(folder / f"{dictionary.name}.h.zarr", correlated(8, 6, 16), 1)
    reconstruct(dictionary, store, PLANTED, folder / f"{dictionary.name}.codes.zarr")
    return str(folder / f"{dictionary.name}.codes.zarr")


def test_words_are_told_apart(run):
    _, dense, _ = run
    found = open_results(dense)
    accuracy = found.arrays["correct"].sum((0, -1)) / found.arrays["count"].sum((0, -1))
    assert [name for _, name, _ in found.problems] == ["fruit", "sky", "tool"]
    assert (accuracy > 0.8).all()
    assert (found.arrays["majority"] == 0.5).all()
    assert (found.arrays["n_train"] == 60).all() and (found.arrays["n_test"] == 40).all()


def test_tables_of_a_local_csv(run):
    from types import SimpleNamespace as Named

    from workflow_scripts.papers.canonical_units.tables import fig24, fig26

    _, dense, sparse = run
    params = Named(k=5, fewest=1, bootstrap=100, seed=0)
    table = fig24.tabulate(Named(dense=[dense], sparse=sparse[::-1]), params)["table"]
    assert table["width"].tolist() == [24, 40] and set(table["dataset"]) == {"things"}
    for row, path in zip(table.itertuples(), sparse, strict=True):
        arrays = open_results(path).arrays
        of = {k: (arrays[f"correct{k}"].sum(0) / arrays["count"].sum(0)).mean() for k in (1, 5)}
        assert row.accuracy == pytest.approx(of[5])
        assert row.over_fewest == pytest.approx(of[5] - of[1])
        assert row.accuracy_lo <= row.accuracy <= row.accuracy_hi
    assert np.isnan(table["accuracy_step"][0])
    step = table["accuracy"][1] - table["accuracy"][0]
    assert table["accuracy_step"][1] == pytest.approx(step)
    assert table["accuracy_lead"].tolist() == pytest.approx([-step, step])
    octaves = np.log2(40 / 24)
    assert table["accuracy_trend"].tolist() == pytest.approx([step / octaves] * 2)
    table = fig26.tabulate(Named(sparse=sparse), params)["table"]
    # The narrower SAE has not so many latents.
    assert sorted(zip(table["n_ablated"], table["width"], strict=True)) == [
        (2, 24),
        (2, 40),
        (30, 40),
    ]
    assert table["tpp"].to_numpy() == pytest.approx(-table["tpp_drop"].to_numpy())


def test_the_pooled_file_holds_every_sae(run):
    folder, _, _ = run
    pooled = open_pooled(folder / "pooled.npz")
    assert len(pooled.activations) == 150
    assert pooled.codes("sae-w24").shape == (150, 24)
    assert pooled.codes("sae-w40").shape == (150, 40)


def test_texts_are_cut_to_what_the_model_can_read(run):
    folder, _, _ = run
    ids = token_ids(["the apple " * 50, "the"], folder / "tokenizer.json", 16, 0)
    assert len(ids[0]) == 16 and ids[0][0] == ids[1][0] == 0 and len(ids[1]) == 2
