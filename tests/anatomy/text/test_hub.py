"""A data set of the hub is read offline from its snapshot in the hub's cache, as a model is."""

import json

import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text.documents import documents
from workflow_scripts.anatomy.text.hub import hub_rows

COMMITS = {"main": "0" * 40, "other": "1" * 40}


def rows_of(revision):
    return [{"text": f"{revision} {at}", "label": at % 2} for at in range(6)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The hub's cache as its client leaves it, with two revisions of one data set."""
    folder = tmp_path / "hub" / "datasets--org--prose"
    (folder / "refs").mkdir(parents=True)
    for revision, commit in COMMITS.items():
        (folder / "refs" / revision).write_text(commit)
        snapshot = folder / "snapshots" / commit
        (snapshot / "data").mkdir(parents=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows_of(revision))
        (snapshot / "data" / "train.jsonl").write_text(lines)
        (snapshot / "data" / "validation.jsonl").write_text(lines.replace(revision, "held out"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return folder


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("named", ["main", "other"])
@pytest.mark.parametrize("by_commit", [False, True])
def test_the_snapshot_of_a_revision(cache, offline, named, by_commit):
    revision = COMMITS[named] if by_commit else named
    found = list(hub_rows("datasets.d", "org/prose", None, "train", revision))
    assert found == rows_of(named)


def test_documents_of_a_snapshot(cache, offline):
    block = {"kind": "hf", "path": "org/prose", "split": "validation", "documents": 4}
    found = list(documents(block, "d"))
    assert found == [(f"org/prose:{at + 1}", f"held out {at}") for at in range(4)]


def test_where_the_hub_cannot_be_reached_the_snapshot_is_read(cache, monkeypatch):
    import datasets

    real = datasets.load_dataset

    def unreachable(path, *args, **kwargs):
        if path == "org/prose":
            raise ConnectionError("no route to host")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    assert list(hub_rows("datasets.d", "org/prose", None, "train", None)) == rows_of("main")


@pytest.mark.parametrize(
    ("source", "revision"), [("org/absent", None), ("org/prose", "third"), ("no id at all", None)]
)
def test_what_is_not_in_the_cache(cache, offline, source, revision):
    with pytest.raises(AnatomyError, match=r"datasets\.d: .*cannot be loaded.*hub's cache already"):
        list(hub_rows("datasets.d", source, None, "train", revision))


def test_a_split_that_the_snapshot_lacks(cache, offline):
    with pytest.raises(AnatomyError, match=r"datasets\.d: org/prose cannot be loaded"):
        list(hub_rows("datasets.d", "org/prose", None, "test", None))
