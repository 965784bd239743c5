"""Bad input: one line that says what, where and what to do; a status; nothing overwritten."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

pytestmark = pytest.mark.workflow

SITE = "blocks.1.hook_resid_post"
STORE = "results/store/tiny"


def fails(workflow, *arguments):
    """Run the workflow as `make run` does; return the error lines it ends with."""
    command = [sys.executable, "-m", "workflow_scripts.anatomy.launch", *arguments]
    done = subprocess.run(
        command,
        cwd=workflow.folder,
        # These runs end before a warm process is warm.
        env=workflow.environment | {"ANATOMY_WARM_START": "no"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0, output[-3000:]
    lines = [line.strip() for line in output.splitlines() if "error: " in line]
    assert lines, output[-3000:]
    return lines[-1]


def digest(folder: Path) -> dict[str, int]:
    """Time stamps of all files of a store."""
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["harvests"]["train"].update(contexs=3),
            "harvests.train.contexs; did you mean contexts?",
        ),
        (
            lambda c: c["harvests"]["train"].update(hook_points=["blocks.7.hook_resid_post"]),
            "models.tiny has layers 0 to 1",
        ),
        (
            lambda c: c["saes"].update(
                mine={"kind": "local", "model": "tiny", "site": SITE, "path": "nowhere/sae"}
            ),
            "saes.mine.path is nowhere/sae, and there is no such folder",
        ),
    ],
    ids=["typo", "layer", "missing folder"],
)
def test_configuration(workflow, change, message):
    config = workflow.config
    change(config)
    workflow.configure(config)
    before = digest(workflow.folder / "results")
    assert message in fails(workflow)
    assert digest(workflow.folder / "results") == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no text in it"),
        (b"abc\0def" * 50, "binary"),
        ("é".encode("latin-1") * 9, "UTF-8"),
    ],
    ids=["empty", "binary", "not UTF-8"],
)
def test_text_files(fresh, content, message):
    (fresh.folder / "text" / "bad.txt").write_bytes(content)
    error = fails(fresh, "results/store/datasets/text/train.jsonl")
    assert "bad.txt" in error
    assert message in error
    assert not (fresh.folder / "results/store/datasets/text/train.jsonl").exists()


def local_sae(workflow, name="mine"):
    """A copy of a trained SAE in sae_lens's format, named in the configuration as a local one."""
    source = workflow.folder / STORE / SITE / "topk-w48-k3-s0" / "sae_lens"
    folder = workflow.folder / "saes" / name
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text((source / "cfg.json").read_text())
    weights = load_file(source / "sae_weights.safetensors")
    save_file(weights, folder / "sae_weights.safetensors")
    config = workflow.config
    config["saes"][name] = {
        "kind": "local",
        "model": "tiny",
        "site": SITE,
        "path": str(folder),
        "l0": 3,
    }
    workflow.configure(config)
    return folder, weights


def test_a_local_sae_is_dissected_like_a_trained_one(workflow):
    local_sae(workflow)
    workflow.run("results/tiny/regressions/tiny/blocks.1.hook_resid_post/mine/codes/scores.csv")
    runs = workflow.folder / "results/tiny/regressions/tiny" / SITE
    mine, trained = (
        (runs / name / "codes/scores.csv").read_text().splitlines()[1]
        for name in ("mine", "topk-w48-k3-s0")
    )
    assert mine.split(",")[10:] == trained.split(",")[10:]


def test_an_sae_of_another_width(workflow):
    folder, weights = local_sae(workflow)
    cut = {
        "W_enc": weights["W_enc"][:10],
        "W_dec": weights["W_dec"][:, :10],
        "b_dec": weights["b_dec"][:10],
    }
    save_file(
        weights | {k: np.ascontiguousarray(v) for k, v in cut.items()},
        folder / "sae_weights.safetensors",
    )
    cfg = json.loads((folder / "cfg.json").read_text()) | {"d_in": 10}
    (folder / "cfg.json").write_text(json.dumps(cfg))
    error = fails(workflow, f"{STORE}/{SITE}/mine/heldout.codes.zarr/manifest.json")
    assert "mine takes activations of 10 dimensions" in error
    assert "24" in error
    assert not (workflow.folder / STORE / SITE / "mine/heldout.codes.zarr/manifest.json").exists()


def test_a_corrupted_sae(workflow):
    folder, _ = local_sae(workflow)
    file = folder / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    error = fails(workflow, f"{STORE}/{SITE}/mine/sae.safetensors")
    assert "sae_lens cannot load" in error
    assert str(folder) in error


def test_fewer_tokens_than_dimensions(workflow):
    config = workflow.config
    config["harvests"]["heldout"]["contexts"] = 2
    workflow.configure(config)
    error = fails(workflow, f"results/tiny/regressions/tiny/{SITE}/moments.npz")
    assert "24 dimensions" in error
    assert "raise the harvest's contexts" in error


def test_more_contexts_than_there_is_text(workflow):
    config = workflow.config
    config["harvests"]["heldout"]["contexts"] = 10_000_000
    workflow.configure(config)
    error = fails(workflow, f"{STORE}/heldout.zarr/manifest.json")
    assert "10000000" in error


def test_nan_activations(workflow):
    file = workflow.folder / STORE / "model" / "model.safetensors"
    weights = load_file(file)
    weights["transformer.h.1.mlp.c_fc.weight"][0, 0] = np.nan
    save_file(weights, file, metadata={"format": "pt"})
    (workflow.folder / "results/store/.digests/tiny/model.json.json").unlink()
    error = fails(
        workflow, "--forcerun", "harvest_activations", "--", f"{STORE}/heldout.zarr/manifest.json"
    )
    assert "NaN" in error
    assert "blocks.1" in error
    assert not (workflow.folder / STORE / "heldout.zarr/manifest.json").exists()


def test_a_corrupted_model(workflow):
    file = workflow.folder / STORE / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    error = fails(
        workflow, "--forcerun", "harvest_activations", "--", f"{STORE}/heldout.zarr/manifest.json"
    )
    assert "model.safetensors" in error or "results/store/tiny/model" in error


@pytest.mark.parametrize("damage", ["cut", "missing", "flipped"])
def test_a_damaged_store(workflow, damage):
    store = workflow.folder / STORE / "heldout.zarr"
    shard = next(p for p in sorted((store / "activations" / SITE / "c").rglob("*")) if p.is_file())
    content = bytearray(shard.read_bytes())
    stamp = shard.stat()
    if damage == "cut":
        shard.write_bytes(content[: len(content) // 2])
    elif damage == "missing":
        shard.unlink()
    else:
        content[len(content) // 3] ^= 1
        shard.write_bytes(content)
    if damage != "missing":
        import os

        os.utime(shard, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    target = f"{STORE}/{SITE}/topk-w48-k3-s0/heldout.codes.zarr/manifest.json"
    error = fails(workflow, "--forcerun", "reconstruct_activations", "--", target)
    assert "heldout.zarr" in error
    assert "rebuilt" in error
    assert not (workflow.folder / target).exists()
    audit = fails(workflow, "verify_stores")
    assert "heldout.zarr" in audit


def test_a_full_disk(workflow):
    store = workflow.folder / STORE / "heldout.zarr"
    subprocess.run(["rm", "-r", store], check=True)
    store.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", store], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        error = fails(workflow, f"{STORE}/heldout.zarr/manifest.json")
        assert "no space left on the device" in error
        assert not (store / "manifest.json").exists()
    finally:
        subprocess.run(["umount", store], check=True)
