"""Nothing passes under another file's name: records of what was written, and what they find."""

import os
import shutil
from pathlib import Path

import pytest

from workflow_scripts.anatomy.base import digests
from workflow_scripts.anatomy.base.errors import AnatomyError

SAE = "results/store/tiny/site/{}/sae.safetensors"
CODES = "results/run/{}.npz"


@pytest.fixture
def roots(tmp_path, monkeypatch):
    """A store with two SAEs and a run with something made of each, all recorded."""
    monkeypatch.chdir(tmp_path)
    roots = digests.Roots.of({"store": "results/store", "run": "run"})
    for name in ("a", "b"):
        for pattern in (SAE, CODES):
            path = Path(pattern.format(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{pattern} of {name}".encode())
        digests.record(roots, [], [SAE.format(name)])
        digests.record(roots, [SAE.format(name)], [CODES.format(name)])
    return roots


def both(name="a"):
    return [SAE.format(name), CODES.format(name)]


def test_what_was_written_passes(roots):
    digests.check(roots, [*both("a"), *both("b"), "text/mine.txt", "results/store/not-there"])
    assert list(digests.damaged(roots)) == []


def test_two_folders_swapped_are_named_both(roots):
    a, b, aside = (Path(SAE.format(name)).parent for name in ("a", "b", "c"))
    shutil.move(a, aside)
    shutil.move(b, a)
    shutil.move(aside, b)
    with pytest.raises(AnatomyError) as raised:
        digests.check(roots, both("a"))
    assert f"{SAE.format('a')}: this is {SAE.format('b')} (sha256" in str(raised.value)
    assert f'make run ARGS="{SAE.format("a")}"' in str(raised.value)
    assert [path for path, _ in digests.damaged(roots)] == [SAE.format("a"), SAE.format("b")]


def test_other_content_of_the_same_size_and_time_is_found(roots):
    path = Path(SAE.format("a"))
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(AnatomyError, match="does not have the content that was written"):
        digests.check(roots, both("a"))


def test_a_file_is_read_again_only_if_it_was_touched(roots, monkeypatch):
    read = []
    digest_of_file = digests.digest_of_file
    monkeypatch.setattr(digests, "digest_of_file", lambda p: read.append(p) or digest_of_file(p))
    digests.check(roots, both("a"))
    assert read == []
    os.utime(SAE.format("a"))
    for _ in range(2):
        digests.check(roots, both("a"))
    assert read == [Path(SAE.format("a"))]


def test_what_was_made_from_another_file_than_there_is_now(roots):
    Path(SAE.format("a")).write_bytes(b"trained anew")
    digests.record(roots, [], [SAE.format("a")])
    with pytest.raises(
        AnatomyError, match=r"was made from another store/tiny/site/a/sae\.safetens"
    ):
        digests.check(roots, [CODES.format("a")])


def test_a_missing_file_and_a_damaged_record(roots):
    Path(SAE.format("a")).unlink()
    record = roots.record_of(SAE.format("b"))[1]
    record.write_text(record.read_text()[:50])
    found = dict(digests.damaged(roots))
    assert "is missing" in found[SAE.format("a")]
    assert "record of digests is damaged" in found[SAE.format("b")]


def test_weights_beside_a_description_count(roots):
    folder = Path("results/store/tiny/model")
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    description = folder.with_name("model.json")
    description.write_text("{}")
    digests.record(roots, [], [str(description)])
    (folder / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(AnatomyError, match=r"model/model\.safetensors"):
        digests.check(roots, [str(description)])


def test_what_is_written_anew_has_no_record(roots):
    digests.forget(roots, [SAE.format("a"), "elsewhere"])
    Path(SAE.format("a")).write_bytes(b"half")
    digests.check(roots, [SAE.format("a")])


def test_a_store_that_was_moved_as_a_whole(roots):
    shutil.move("results/store", "elsewhere")
    moved = digests.Roots(Path("elsewhere"), roots.run)
    digests.check(moved, ["elsewhere/tiny/site/a/sae.safetensors", CODES.format("a")])
