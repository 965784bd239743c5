"""A small workflow of its own: the repository's code, a tiny model, a few thousand tokens."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from tests.running import copy_code

ROOT = Path(__file__).resolve().parents[2]
CODE = ("Snakefile", "rules", "workflow_scripts", "envs", "profiles", "config.yaml")
MODULES = (
    "argparse",
    "ast",
    "calendar",
    "cmd",
    "configparser",
    "dataclasses",
    "difflib",
    "doctest",
)
SITE = "blocks.1.hook_resid_post"
FIRST = (
    "test_same_bytes.py",
    "test_jobs.py",
    "test_card.py",
    "test_errors.py",
    "test_alone.py",
    "test_reruns.py",
)


def tiny_config() -> dict:
    """Two layers, 24 dimensions, six SAEs of the family, one of every other architecture."""
    training = {
        "tokens": 8192,
        "batch_size": 256,
        "learning_rate": 0.003,
        "dead_after_tokens": 4096,
    }
    group = {"kind": "trained", "harvest": "train", "training": training}
    sites = [f"blocks.{layer}.hook_resid_post" for layer in range(2)]
    hook_points = [*sites, "blocks.1.hook_mlp_out", "blocks.1.hook_attn_out"]
    harvest = {"model": "tiny", "dataset": "text", "context_length": 32, "hook_points": hook_points}
    return {
        "run": "tiny",
        "device": "cpu",
        "models": {
            "tiny": {
                "kind": "train",
                "architecture": "gpt2",
                "config": {"n_embd": 24, "n_layer": 2, "n_head": 2},
                "dataset": "text",
                "vocabulary_size": 400,
                "context_length": 32,
                "training": {"tokens": 24_000, "batch_size": 16, "learning_rate": 0.003},
            }
        },
        "datasets": {
            "text": {"kind": "text_files", "paths": ["text/*.txt"], "validation_fraction": 0.3}
        },
        "harvests": {
            "train": harvest | {"split": "train", "contexts": 256},
            "heldout": harvest | {"split": "validation", "contexts": 64, "min_position": 8},
        },
        "saes": {
            "main": group
            | {"sites": [SITE], "architecture": "batchtopk", "widths": [24, 48, 96], "k": [3, 6]},
            "other": group
            | {"sites": sites[:1], "architecture": "batchtopk", "widths": [24, 48], "k": [3, 6]},
            "topk": group | {"sites": [SITE], "architecture": "topk", "widths": [48], "k": [3]},
            "jumprelu": group
            | {"sites": [SITE], "architecture": "jumprelu", "widths": [48], "k": [3]},
            "standard": group
            | {"sites": [SITE], "architecture": "standard", "widths": [48], "coefficients": [0.3]},
            "circuit": group
            | {"sites": hook_points[2:], "architecture": "batchtopk", "widths": [48], "k": [3]},
        },
        "analysis": {"harvests": ["heldout"], "bootstrap": 100},
        "interventions": {"contexts": 8},
        "interpretability": {"latents": 10, "window": 8},
        "dark_matter": {
            "saes": ["main", "other"],
            "main": {"model": "tiny", "site": SITE},
            "target_l0": 3,
            "reference_width": 48,
            "circuit": ["circuit"],
            "error_saes": {
                "harvest": "train",
                "width": 96,
                "k": 3,
                "training": training,
                "seeds": [0],
            },
            "contours": {
                "fig2": [{"model": "tiny", "site": SITE}],
                "fig10": [{"model": "tiny", "site": sites[0]}],
                "fig11": [{"model": "tiny", "site": sites[0]}],
            },
            "tokens_shown": 20,
            "fig15": {"contexts": None},
            "appendix_d": {"features": 200, "d": 20, "tokens": 500, "repeats": 2},
            "planted_truth": {"features": 60, "d": 24, "tokens": 600, "repeats": 1},
        },
        "canonical_units": {
            "main": {
                "model": "tiny",
                "site": SITE,
                "saes": ["main"],
                "target_l0": 3,
                "threshold": 0.92,  # decoders of so few dimensions are close to each other
            },
            "second": {"model": "tiny", "site": sites[0], "saes": ["other"], "target_l0": 3},
            "comparison": {
                "model": "tiny",
                "site": SITE,
                "saes": ["main", "topk", "jumprelu"],
                "width": 48,
                "k": 3,
            },
            "second_comparison": {
                "model": "tiny",
                "site": sites[0],
                "saes": ["other"],
                "width": 48,
                "k": 3,
            },
            "meta": {
                "model": "tiny",
                "site": SITE,
                "saes": ["main"],
                "target_l0": 3,
                "meta_width": 20,
                "k": 2,
                "seeds": [0],
                "architectures": ["batchtopk", "standard"],
                "coefficients": [0.5, 2.0],
                "training": {"steps": 20, "learning_rate": 0.01},
            },
            "probing": {
                "model": "tiny",
                "site": SITE,
                "saes": ["main"],
                "target_l0": 3,
                "sets": ["lines"],
            },
            "toy": {"samples": 200, "steps": 40, "restarts": 2, "seeds": [0]},
        },
        "labelled": {
            "lines": {
                "kind": "text_files",
                "paths": ["lines.jsonl"],
                "label_column": "label",
                "context_length": 16,
            }
        },
        "probing": {"k_latents": [1, 4], "ablated": [1, 4]},
        "interpretable_features": {
            "main": {"model": "tiny", "site": SITE},
            "saes": ["main"],
            "width": 48,
            "target_l0": 3,
            "directions": 8,
            "ica_tokens": 500,
            "erasure": {"groups": [["self", " self"]], "counts": [1, 4]},
        },
        "pathological_errors": {
            "main": {"model": "tiny", "site": SITE},
            "saes": ["main", "other"],
            "target_l0": 3,
            "attention": ["circuit"],
            "stitched": {"widths": [24, 48], "threshold": 0.9},
            "contexts": 8,
            "single_token": {"position": 12, "following": 4, "contexts": 8},
            "pathology": {"position": 12, "contexts": 4, "draws": 20},
            "examples": 2,
        },
    }


def write_lines(folder: Path) -> None:
    """A labelled set: lines of the text that are comments, definitions and returns, as many of each."""
    lines = [
        line.strip()
        for path in sorted((folder / "text").glob("*.txt"))
        for line in path.read_text().splitlines()
    ]
    labels = {"comment": "# ", "definition": "def ", "return": "return "}
    rows = [
        {"text": line, "label": label}
        for label, start in labels.items()
        for line in [line for line in lines if line.startswith(start)][:100]
    ]
    (folder / "lines.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


class Workflow:
    """A folder in which the workflow runs, its configuration, and how to start it."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, config: dict) -> "Workflow":
        """Copy the code into `folder`, beside some text and a configuration."""
        folder.mkdir()
        copy_code(CODE, folder)
        (folder / "text").mkdir()
        library = Path(sysconfig.get_path("stdlib"))
        for module in MODULES:
            shutil.copy(library / f"{module}.py", folder / "text" / f"{module}.txt")
        write_lines(folder)
        workflow = cls(folder)
        workflow.configure(config)
        return workflow

    def copy(self, folder: Path) -> "Workflow":
        """The same workflow with all its results, time stamps kept, somewhere else."""
        subprocess.run(["cp", "-a", self.folder, folder], check=True)
        return Workflow(folder)

    def configure(self, config: dict) -> None:
        """Write the configuration."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    @property
    def config(self) -> dict:
        """The configuration as it stands."""
        return yaml.safe_load((self.folder / "config.yaml").read_text())

    def command(self, *arguments: str, module: str = "snakemake") -> list[str]:
        """The command line of Snakemake, or of what starts it."""
        return [sys.executable, "-m", module, "--cores", "2", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Without a network, and without what the surrounding test run has set."""
        return os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}

    def run(
        self, *arguments: str, check: bool = True, module: str = "snakemake"
    ) -> subprocess.CompletedProcess:
        """Run Snakemake here and wait for it."""
        done = subprocess.run(
            self.command(*arguments, module=module),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        if check:
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done

    def would_run(self, *targets: str) -> dict[str, int]:
        """Rule -> number of jobs of a dry run; empty where there is nothing to be done."""
        output = self.run("--dry-run", "--quiet", "rules", "--", *targets).stdout
        counts = {}
        for line in output.splitlines():
            match = re.fullmatch(r"(\w+)\s+(\d+)", line.strip())
            if match and match[1] != "total":
                counts[match[1]] = int(match[2])
        return counts

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file of the code."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new))

    def tables(self) -> dict[str, str]:
        """Every table of the run, by its path."""
        run = self.folder / "results" / self.config["run"]
        return {str(p.relative_to(run)): p.read_text() for p in sorted(run.glob("tables/**/*.csv"))}

    def json(self, path: str) -> dict:
        """A JSON file of the results."""
        return json.loads((self.folder / "results" / path).read_text())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files side by side: the longest first."""

    def place(item: pytest.Item) -> int:
        name = item.path.name
        return FIRST.index(name) if name in FIRST else len(FIRST)

    items.sort(key=place)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Workflow:
    """The tiny workflow, run to its end once for all processes. Tests copy it and must not change it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            workflow = Workflow.create(folder / "workflow", tiny_config())
            workflow.run(module="workflow_scripts.anatomy.launch.warm_start")
            (folder / "done").touch()
    assert (folder / "done").exists(), "the tiny workflow failed in another process of these tests"
    return Workflow(folder / "workflow")


@pytest.fixture
def workflow(finished, tmp_path) -> Workflow:
    """A copy of the finished workflow to play with."""
    return finished.copy(tmp_path / "workflow")


@pytest.fixture
def fresh(tmp_path) -> Workflow:
    """The tiny workflow before anything was run."""
    return Workflow.create(tmp_path / "workflow", tiny_config())
