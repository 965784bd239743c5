"""Labels of a harvest's tokens against what the text of each token says, and the examples drawn of them."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import SITE, plant_harvest, random_dictionary
from tests.running import run_script
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.probing.examples import Amounts
from workflow_scripts.anatomy.probing.pooling import open_pooled
from workflow_scripts.anatomy.probing.python_source import BIT, KINDS
from workflow_scripts.anatomy.probing.python_tokens import (
    KIND_SHIFT,
    READ,
    in_contexts,
    python_examples,
    token_labels,
)
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.contexts import contexts, number_of_contexts
from workflow_scripts.anatomy.text.tokenization import (
    load_tokenizer,
    open_tokens,
    tokenize,
    train_tokenizer,
)

SOURCE = '''"""File {0}."""
import os
class Thing{0}:
    def name{0}(self, argument):
        # note 中文 é
        text = "word" + self.value
        return 12{0}
'''


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Files of three packages, one of them no Python, and their tokens."""
    folder = tmp_path_factory.mktemp("text")
    files = [(f"{'abc'[n % 3]}/file{n}.py", SOURCE.format(n) * 3) for n in range(24)]
    files[5] = ("c/file5.py", "def no python at all (\n" * 20)
    lines = [json.dumps({"id": name, "text": text}) for name, text in files]
    (folder / "documents.jsonl").write_text("\n".join(lines) + "\n")
    train_tokenizer(folder / "documents.jsonl", 300, folder / "tokenizer.json")
    tokenize(folder / "documents.jsonl", folder / "tokenizer.json", folder / "d.train.npz")
    return folder


def labels_of(text):
    tokens = open_tokens(text / "d.train.npz")
    return token_labels(text / "documents.jsonl", text / "tokenizer.json", tokens), tokens


def test_a_token_is_what_its_text_says(text, caplog):
    with caplog.at_level(logging.INFO, "anatomy"):
        logging.getLogger("anatomy").propagate = True
        (labels, names), tokens = labels_of(text)
    assert "23 files of Python read, 1 left out" in caplog.text
    assert names[5] == "c/file5.py" and len(names) == 24
    pieces = load_tokenizer(text / "tokenizer.json")
    first = slice(*tokens.offsets[:2])
    shown = [pieces.id_to_token(token) for token in tokens.ids[first]]
    comment = labels[first] & int(BIT["comment"]) > 0
    # Every piece of the characters of two and three bytes is in the comment, as are its words.
    joined = "".join(piece for piece, inside in zip(shown, comment, strict=True) if inside)
    byte_level = load_tokenizer(text / "tokenizer.json").decoder
    assert byte_level.decode([joined]).split("#")[1].strip() == "note 中文 é"
    # The end of the text is of no file, and a file that Python cannot read has no labels.
    ends = tokens.offsets[1:] - 1
    assert not labels[ends].any()
    assert not labels[tokens.offsets[5] : tokens.offsets[6]].any()
    inner = np.delete(labels, np.concatenate([ends, range(*tokens.offsets[5:7])]))
    assert (inner & READ > 0).all()
    kinds = {KINDS[kind] for kind in inner >> KIND_SHIFT & 15}
    assert kinds == set(KINDS)


def test_other_tokens_are_an_error(text):
    tokens = open_tokens(text / "d.train.npz")
    wrong = replace(tokens, ids=np.where(np.arange(len(tokens.ids)) == 70, 3, tokens.ids))
    with pytest.raises(AnatomyError, match="not the tokens of"):
        token_labels(text / "documents.jsonl", text / "tokenizer.json", wrong)


def test_text_that_is_no_python_is_an_error(text, tmp_path):
    line = json.dumps({"id": "a.txt", "text": "It was a dark night ("})
    (tmp_path / "documents.jsonl").write_text(line + "\n")
    tokenize(tmp_path / "documents.jsonl", text / "tokenizer.json", tmp_path / "d.train.npz")
    tokens = open_tokens(tmp_path / "d.train.npz")
    with pytest.raises(AnatomyError, match="none of its documents is Python"):
        token_labels(tmp_path / "documents.jsonl", text / "tokenizer.json", tokens)


@pytest.fixture(params=[False, True], ids=["without BOS", "with BOS"])
def cut(request, text, tmp_path):
    """A harvest of the text, with its labels cut to its contexts."""
    (labels, names), tokens = labels_of(text)
    bos = 0 if request.param else None
    n, length = number_of_contexts(tokens, 64, bos), 64
    rows = list(contexts(tokens, n, length, bos))
    ids, documents = (np.stack(part) for part in zip(*rows, strict=True))
    x = np.random.default_rng(0).normal(size=(n, length, 2))
    path = tmp_path / "h.zarr"
    store = plant_harvest(path, {SITE: x}, ids, min_position=2, documents=documents)
    if request.param:
        store = replace(store, group=WithBos(store.group))
    split = Split("document", 0.6, 0, 2, store.units)
    harvest = {"contexts": n, "context_length": length, "max_document_share": None}
    return in_contexts(labels, tokens, store, harvest, split), names, tokens, store, harvest, split


class WithBos:
    """A group whose contexts begin with BOS."""

    def __init__(self, group):
        self.group, self.attrs = group, dict(group.attrs) | {"has_bos": True}

    def __getitem__(self, name):
        return self.group[name]

    def __contains__(self, name):
        return name in self.group


def test_labels_lie_where_their_tokens_do(cut, text):
    found, _, tokens, store, _, _ = cut
    (labels, _), _ = labels_of(text)
    step = 64 - store.group.attrs["has_bos"]
    for context in range(len(found.labels)):
        first = int(store.group.attrs["has_bos"])
        at = slice(context * step, (context + 1) * step)
        assert (store.group["tokens"][context, first:] == tokens.ids[at]).all()
        assert (found.labels[context, first:] == labels[at]).all()
        assert not found.labels[context, :first].any()
    assert not (found.train & found.test).any()
    assert not found.train[:, :2].any() and not found.test[:, :2].any()


def test_other_contexts_are_an_error(cut):
    _, _, tokens, store, harvest, split = cut
    with pytest.raises(AnatomyError, match="not the contexts of"):
        in_contexts(
            np.zeros(len(tokens.ids), np.int32),
            replace(tokens, ids=np.roll(tokens.ids, 1)),
            store,
            harvest,
            split,
        )


def test_examples_are_of_their_class_balanced_and_never_of_a_document_on_both_sides(cut):
    found, names, *_ = cut
    wanted = ["comment", "number", "kind", "package"]
    examples = python_examples(found, names, wanted, "concepts", Amounts(60, 40, 0.3), 0)
    assert not set(examples.documents[examples.train]) & set(examples.documents[~examples.train])
    assert {each.dataset for each in examples.problems} == set(wanted)
    for problem in examples.problems:
        sides = examples.train[problem.rows]
        assert len(set(problem.rows.tolist())) == len(problem.rows)
        for side, amount in ((True, 60), (False, 40)):
            mine = problem.positive[sides == side]
            assert 0 < mine.sum() * 2 == len(mine) <= amount
        assert problem.family == ("concepts" if problem.dataset in BIT else problem.dataset)
        context, start, stop = examples.places[problem.rows].T
        if problem.dataset == "package":
            documents = found.documents[context, start]
            packages = np.array([names[each].split("/")[0] for each in documents])
            assert ((packages == problem.label) == problem.positive).all()
            assert (stop - start >= 32).all()
            continue
        assert (stop == start + 1).all()
        labels = found.labels[context, start]
        if problem.dataset == "kind":
            truth = labels >> KIND_SHIFT & 15 == KINDS.index(problem.label)
        else:
            truth = labels & int(BIT[problem.label]) > 0
        assert (truth == problem.positive).all()
        assert (labels & READ > 0).all()


def test_no_document_has_more_than_its_share(cut):
    found, names, *_ = cut
    examples = python_examples(found, names, ["kind"], "concepts", Amounts(60, 60, 0.1), 0)
    for problem in examples.problems:
        for side in (True, False):
            mine = problem.rows[problem.positive & (examples.train[problem.rows] == side)]
            assert np.bincount(examples.documents[mine]).max() <= 3


def test_they_depend_on_the_seed_alone(cut):
    found, names, *_ = cut
    drawn = [
        python_examples(found, names, ["comment", "kind"], "c", Amounts(40, 40, 0.3), seed)
        for seed in (0, 0, 1)
    ]
    assert (drawn[0].places == drawn[1].places).all()
    assert (
        drawn[0].places.shape != drawn[2].places.shape or (drawn[0].places != drawn[2].places).any()
    )


def test_the_scripts_do_this(cut, text, tmp_path):
    """The examples of the functions, pooled: each token's own activation, and its codes."""
    found, names, tokens, store, harvest, _ = cut
    if store.group.attrs["has_bos"]:
        pytest.skip("a planted store on the disk says that it has none")
    block = {"labels": ["comment", "kind"], "train_examples": 60, "test_examples": 40}
    log, examples, pooled = (tmp_path / name for name in ("a.log", "examples.npz", "pooled.npz"))
    run_script(
        *("label_python_tokens", log),
        input={
            **{"documents": str(text / "documents.jsonl"), "tokens": str(tokens.path)},
            **{"tokenizer": str(text / "tokenizer.json"), "activations": str(store.path)},
        },
        output={"examples": str(examples)},
        params={
            **{"name": "python", "labelled": block | {"max_document_share": 0.3}, "seed": 0},
            # Whatever regressions hold out, probes hold out documents.
            "analysis": {"split": "paper", "train_fraction": 0.6},
            "harvest": harvest,
        },
    )
    expected = python_examples(
        found, names, block["labels"], "python concepts", Amounts(60, 40, 0.3), 0
    )
    dictionary = random_dictionary(2, 6)
    reconstruct(dictionary, store, SITE, tmp_path / "codes.zarr")
    run_script(
        *("pool_labelled_tokens", log),
        input={
            **{"examples": str(examples), "activations": str(store.path)},
            "codes": [str(tmp_path / "codes.zarr")],
        },
        output={"pooled": str(pooled)},
        params={"site": SITE},
    )
    mine = open_pooled(pooled)
    assert (mine.examples.places == expected.places).all()
    families = [each.family for each in mine.examples.problems]
    assert families == ["python concepts"] + ["kind"] * (len(families) - 1)
    context, start, _ = expected.places.T
    assert (mine.activations == store.activations(SITE)[:][context, start]).all()
    codes = open_codes(tmp_path / "codes.zarr").rows(slice(0, len(found.labels))).toarray()
    assert (mine.codes("sae-w6").toarray() == codes[context * 64 + start]).all()
