"""An SAE of plain sae_lens code and a model in a folder get their numbers by one command."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.running import copy_code
from tests.workflow.conftest import CODE, MODULES, ROOT
from workflow_scripts.anatomy.report.names import slug

pytestmark = pytest.mark.workflow

COMMAND = 'make card SAE=saes/mine TEXT="text/*.txt"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The repository, a text, a model and an SAE; no configuration of ours."""
    folder = tmp_path_factory.mktemp("card")
    copy_code((*CODE, "Makefile"), folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "text").mkdir()
    for module in MODULES:
        source = Path(sysconfig.get_path("stdlib")) / f"{module}.py"
        shutil.copy(source, folder / "text" / f"{module}.txt")
    script = Path(__file__).parent / "train_sae_lens.py"
    done = run([sys.executable, str(script), str(folder)], folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def run(command: list[str] | str, folder: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": "", "WANDB_MODE": "disabled"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        shell=isinstance(command, str),
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def made(folder) -> subprocess.CompletedProcess:
    """What the command of the documentation says."""
    assert COMMAND in (ROOT / "docs" / "bring-your-own.md").read_text()
    # The lock is of this environment, and the module is what make calls: a copy has no .venv of its own.
    module = "-m workflow_scripts.anatomy.launch.card"
    called = run(f"make --dry-run --no-print-directory {COMMAND.removeprefix('make ')}", folder)
    (line,) = [line for line in called.stdout.splitlines() if module in line]
    done = run(f"{line} --cores 2", folder)
    assert done.returncode == 0, done.stderr[-5000:]
    return done


def test_it_says_what_it_took_and_from_where(made):
    assert "saes.mine.site: blocks.0.hook_resid_post  (the SAE's metadata)" in made.stderr
    assert "models.tiny-gpt2.bos: False  (the SAE's metadata)" in made.stderr
    assert "(default" in made.stderr


def test_the_configuration_is_small_and_enough(made, folder):
    config = yaml.safe_load((folder / "results" / "mine" / "config.yaml").read_text())
    assert config["saes"] == {"mine": {"kind": "local", "path": "saes/mine"}}
    assert set(config) == {"run", "datasets", "saes"}
    command = [sys.executable, "-m", "snakemake", "-n", "cards", "--configfile"]
    again = run([*command, "results/mine/config.yaml"], folder)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_its_numbers_are_there(made, folder):
    table = pd.read_csv(folder / "results" / "mine" / "tables" / "overview" / "decomposition.csv")
    assert table[["model", "site", "sae"]].to_numpy().tolist() == [
        ["tiny-gpt2", "blocks.0.hook_resid_post", "mine"]
    ]
    assert table["l0"][0] == pytest.approx(3, abs=0.1), "the k it was trained with"
    assert 0 < table["fvu"][0] < 1


def test_it_says_where_the_card_is(made, folder):
    card = f"results/mine/report/cards/{slug('tiny-gpt2', 'blocks.0.hook_resid_post', 'mine')}.html"
    assert f"card: {card}" in made.stderr
    assert (folder / card).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--sae", "saes/nowhere", "--text", "text/*.txt"],
            "no such folder, and as release/id: saes.release: sae_lens knows no release saes",
        ),
        (["--sae", "./nowhere", "--text", "text/*.txt"], "there is no such folder"),
        (["--sae", "saes/mine"], "no text is given"),
        (["--text", "text/*.txt"], "no SAE is given"),
    ],
)
def test_what_is_missing_is_one_line(folder, arguments, message):
    done = run([sys.executable, "-m", "workflow_scripts.anatomy.launch.card", *arguments], folder)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_a_site_that_the_sae_was_not_made_for_is_an_error_at_once(made, folder):
    config = yaml.safe_load((folder / "results" / "mine" / "config.yaml").read_text())
    config["saes"]["mine"]["site"] = "blocks.1.hook_resid_post"
    (folder / "wrong.yaml").write_text(yaml.safe_dump(config))
    done = run([sys.executable, "-m", "snakemake", "-n", "--configfile", "wrong.yaml"], folder)
    assert done.returncode != 0
    assert (
        "the SAE's metadata says that it was made for transformer.h.0" in done.stdout + done.stderr
    )
