"""Peak memory of every streaming stage, for n and for 4 n tokens, each in a process of its own."""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report import report

CONTEXTS, POSITIONS, FACTOR = 512, 256, 4
SITE = "blocks.1.hook_resid_post"
STAGES = ("harvest", "reconstruct", "pursuit", "moments", "decompose")


def stage(name: str, folder: Path, contexts: int) -> None:
    """Run one stage on the stores in `folder`; print the peak memory of this process in MB."""
    import torch

    torch.set_num_threads(1)
    store_path, sae_path = folder / "harvest.zarr", folder / "sae.safetensors"
    codes_path = folder / "codes.zarr"
    if name == "harvest":
        _harvest(folder, contexts)
    else:
        from workflow_scripts.anatomy.activations.store import open_activations
        from workflow_scripts.anatomy.codes.store import open_codes
        from workflow_scripts.anatomy.saes.dictionary import load_dictionary
        from workflow_scripts.anatomy.statistics.splits import Split

        store = open_activations(store_path)
        split = Split("context", 0.6, 0, store.min_position)
        if name == "reconstruct":
            from workflow_scripts.anatomy.codes.reconstruct import reconstruct

            reconstruct(load_dictionary(sae_path), store, SITE, codes_path)
        elif name == "pursuit":
            from workflow_scripts.anatomy.codes.pursuit import pursue

            pursue(
                load_dictionary(sae_path),
                store,
                open_codes(codes_path),
                SITE,
                folder / "pursuit.zarr",
            )
        elif name == "moments":
            from workflow_scripts.anatomy.decomposition.decomposition import site_moments

            site_moments(store, SITE, split).save(folder / "moments.npz")
        elif name == "decompose":
            _decompose(folder, store, split)
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _harvest(folder: Path, contexts: int) -> None:
    import torch

    from workflow_scripts.anatomy.activations.harvest import harvest_activations
    from workflow_scripts.anatomy.models.language_model import build
    from workflow_scripts.anatomy.text.tokenization import open_tokens

    torch.manual_seed(0)
    sizes = {"n_embd": 128, "n_layer": 2, "n_head": 4}
    model = build("gpt2", sizes, POSITIONS, 2048, 0).eval()
    description = {
        "name": "m",
        "has_bos": True,
        "bos_id": 0,
        "dtype": "float32",
        "context_length": POSITIONS,
    }
    harvest = {
        "model": "m",
        "dataset": "d",
        "split": "train",
        "contexts": contexts,
        "context_length": POSITIONS,
        "hook_points": [SITE],
        "min_position": 50,
        "max_document_share": None,
        "batch_size": 8,
    }
    tokens = open_tokens(folder / "tokens.npz")
    harvest_activations(model, description, tokens, harvest, "h", folder / "harvest.zarr")


def _decompose(folder: Path, store, split) -> None:
    import zarr

    from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
    from workflow_scripts.anatomy.decomposition.decomposition import (
        apply_error_map,
        error_map,
        norm_probes,
        scores,
    )
    from workflow_scripts.anatomy.statistics.regression import Moments, Solver

    xx = Moments.load(folder / "moments.npz")
    solver = Solver(xx, True, "benchmark")
    sae = open_sae(folder / "sae.safetensors", folder / "codes.zarr", store=store, split=split)
    linear = error_map(sae, solver, xx)
    norms2 = zarr.create_array(
        str(folder / "norms.zarr"),
        shape=(*store.shape, 5),
        chunks=(16, POSITIONS, 5),
        dtype="float64",
        overwrite=True,
    )
    sums = apply_error_map(sae, linear, xx, norms2)
    list(scores(sums["held_out"], norm_probes(sae, solver, sums["cross"], norms2), 1000, 0))


def prepare(folder: Path, contexts: int) -> None:
    """Tokens at random, and a random dictionary of 2048 latents with 12 of them active."""
    import torch

    from workflow_scripts.anatomy.saes.dictionary import Dictionary

    generator = np.random.default_rng(0)
    ids = generator.integers(1, 2048, contexts * POSITIONS).astype(np.int32)
    np.savez(folder / "tokens.npz", ids=ids, offsets=np.arange(0, len(ids) + 1, POSITIONS))
    decoder = torch.nn.functional.normalize(
        torch.randn(2048, 128, generator=torch.Generator().manual_seed(0))
    )
    about = {"name": "random", "architecture": "topk", "model": "m", "site": SITE, "width": 2048}
    about |= {"nominal_l0": 12, "seed": 0}
    Dictionary(
        decoder.T.clone(),
        torch.zeros(2048),
        decoder,
        torch.zeros(128),
        "topk",
        k=12,
        metadata=about,
    ).save(folder / "sae.safetensors")


def main() -> None:
    """Measure every stage at both sizes."""
    peaks = {}
    for contexts in (CONTEXTS, FACTOR * CONTEXTS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            prepare(folder, contexts)
            for stage_name in STAGES:
                command = [sys.executable, "-m", __spec__.name, stage_name, name, str(contexts)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                peaks[stage_name, contexts] = json.loads(done.stdout.splitlines()[-1])
    rows = [
        {
            "stage": name,
            f"MB at {CONTEXTS * POSITIONS} tokens": peaks[name, CONTEXTS],
            f"MB at {FACTOR * CONTEXTS * POSITIONS} tokens": peaks[name, FACTOR * CONTEXTS],
            "ratio": peaks[name, FACTOR * CONTEXTS] / peaks[name, CONTEXTS],
        }
        for name in STAGES
    ]
    report("memory_against_tokens", f"Peak memory at {FACTOR} times the tokens", pd.DataFrame(rows))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        stage(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
