"""docs/extending.md followed to the letter, in a copy of the repository."""

import hashlib
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.running import copy_code
from tests.workflow.conftest import Workflow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "extending.md"
SECTIONS = ("A figure", "A paper", "A claim", "An architecture of SAEs", "A model family")
PROSE = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# What Workflow.create leaves behind, because no run needs it.
BESIDE = ("tests", "docs", "pyproject.toml")
FENCE = re.compile(r"^(?:([^\n]+)\n\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CAPTION = re.compile(r"(New file|In|At the end of) `([^`]+)`:")
SITE = "blocks.0.hook_resid_post"


@dataclass(frozen=True)
class Block:
    """A block of code: the file it is about, and what becomes of that file."""

    how: str
    path: str
    text: str

    def apply(self, folder: Path) -> None:
        file = folder / self.path
        if self.how == "New file":
            assert not file.exists(), f"{self.path} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.text)
        elif self.how == "At the end of":
            apart = "" if file.suffix == ".yaml" else "\n\n"
            file.write_text(f"{file.read_text()}{apart}{self.text}")
        else:
            file.write_text(patched(file.read_text(), self.text, self.path))


def patched(text: str, diff: str, path: str) -> str:
    """A text after a diff; `...` stands for what is there, on one line."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    pattern = re.compile("^" + re.escape(old).replace(r"\.\.\.", "(.*)"), re.MULTILINE)
    found = list(pattern.finditer(text))
    assert len(found) == 1, f"{path} has {len(found)} places like\n{old}"
    for kept in found[0].groups():
        new = new.replace("...", kept, 1)
    return text[: found[0].start()] + new + text[found[0].end() :]


def section(title: str) -> str:
    """The text under a heading."""
    return re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[
        1 + SECTIONS.index(title)
    ].removeprefix(f"{title}\n")


def steps(title: str) -> tuple[list[Block], list[str]]:
    """The blocks of code of a section, and its commands."""
    blocks, commands = [], []
    for before, language, text in FENCE.findall(section(title)):
        if language == "console":
            commands += [line.removeprefix("$ ") for line in text.splitlines()]
            continue
        caption = CAPTION.fullmatch(before)
        assert caption, f"{title}: no line says which file this is:\n{text}"
        blocks.append(Block(caption[1], caption[2], text))
    return blocks, commands


class House(Workflow):
    """A copy of the repository, in which a section is followed."""

    def files(self) -> dict[str, str]:
        """Digest of every file of the code, the documentation and the tests."""
        skipped = {"results", ".snakemake", "__pycache__", ".pytest_cache"}
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.folder.rglob("*")
            if path.is_file() and not skipped & set(path.relative_to(self.folder).parts)
        }

    def follow(self, title: str) -> set[str]:
        """Do what a section says to files; return those that are new or another now."""
        before = self.files()
        for block in steps(title)[0]:
            block.apply(self.folder)
        return {path for path, digest in self.files().items() if before.get(path) != digest}

    def do(self, command: str, check: bool = True) -> str:
        """Run a command as one types it in the environment of .venv; return what it prints."""
        name, *arguments = shlex.split(command)
        if name == "snakemake":
            arguments = ["-m", "snakemake", *arguments, "--cores", "1"]
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        output = done.stdout + done.stderr
        assert not check or done.returncode == 0, output[-6000:]
        return output

    def is_tidy(self) -> None:
        """The rules of the house and the formatters have nothing against what is there now."""
        rules = "tests/house/test_rules.py tests/house/test_rooms.py"
        self.do(f"python -m pytest -q -m 'not slow' -p no:cacheprovider {rules}")
        for tool in ("ruff check", "ruff format --check"):
            self.do(
                f"python -m {tool} workflow_scripts/papers workflow_scripts/anatomy tests/anatomy"
            )
        self.do("python -m snakefmt --check rules/papers")

    @property
    def run_folder(self) -> Path:
        return self.folder / "results" / "small"


def small_config() -> dict:
    """One layer of 16 dimensions, and three SAEs."""
    harvest = {"model": "small", "dataset": "text", "context_length": 32, "hook_points": [SITE]}
    training = {"batch_size": 16, "learning_rate": 0.003, "tokens": 8192}
    return {
        "run": "small",
        "device": "cpu",
        "threads": 1,
        "models": {
            "small": {
                "kind": "train",
                "architecture": "gpt2",
                "config": {"n_embd": 16, "n_layer": 1, "n_head": 2},
                "dataset": "text",
                "vocabulary_size": 300,
                "context_length": 32,
                "training": training,
            }
        },
        "datasets": {
            "text": {"kind": "text_files", "paths": ["text/*.txt"], "validation_fraction": 0.3}
        },
        "harvests": {
            "train": harvest | {"split": "train", "contexts": 128},
            "heldout": harvest | {"split": "validation", "contexts": 64, "min_position": 8},
        },
        "saes": {
            "batchtopk": {
                "kind": "trained",
                "harvest": "train",
                "sites": [SITE],
                "architecture": "batchtopk",
                "widths": [16, 32, 64],
                "k": [3],
                "training": training | {"batch_size": 256},
            }
        },
        "analysis": {"harvests": ["heldout"], "bootstrap": 100},
    }


def new_house(folder: Path) -> House:
    house = House.create(folder, small_config())
    copy_code(BESIDE, folder)
    return house


@pytest.fixture
def house(tmp_path):
    """The repository, and nothing computed."""
    return new_house(tmp_path / "house")


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    """The repository with a small run in it, every SAE of which is taken apart."""
    house = new_house(tmp_path_factory.mktemp("lived_in") / "house")
    house.run("overview_decomposition", module="workflow_scripts.anatomy.launch.warm_start")
    return house


@pytest.fixture
def run_house(lived_in, tmp_path):
    """A copy of it to build on."""
    return House(lived_in.copy(tmp_path / "house").folder)


def test_the_sections_are_those_that_are_followed():
    assert re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE) == list(SECTIONS)


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_has_a_short_example(title):
    blocks, commands = steps(title)
    assert sum(bool(line.strip()) for block in blocks for line in block.text.splitlines()) < 40
    assert blocks and commands


@pytest.mark.parametrize("title", SECTIONS)
def test_what_a_section_names_is_there(title):
    """Files and folders of this repository that its prose names, but for those that it makes."""
    made = {block.path for block in steps(title)[0] if block.how == "New file"}
    for path in re.findall(r"`((?:workflow_scripts|rules|tests|docs)/[\w./]+)`", section(title)):
        assert path in made or (ROOT / path).exists(), path


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_states_a_number_that_the_next_change_makes_wrong(path):
    things = r"(?:claims|figures|tests|tables|modules|rules|scripts|exhibits|papers)"
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    counted = re.findall(rf"\b\d+ (?:of the \d+ )?{things}\b", prose)
    assert not counted, "say where the run writes it instead"


@pytest.mark.slow
@pytest.mark.workflow
def test_a_figure(run_house):
    touched = run_house.follow("A figure")
    room = "workflow_scripts/papers/overview"
    assert touched == {
        f"{room}/exhibits.yaml",
        f"{room}/tables/shrinkage.py",
        f"{room}/figures/shrinkage.py",
        "rules/papers/overview.smk",
    }
    assert run_house.would_run("overview_shrinkage") == {
        "tabulate_overview_shrinkage": 1,
        "draw_figure": 1,
        "overview_shrinkage": 1,
    }
    for command in steps("A figure")[1]:
        run_house.do(command)
    for kind in ("pdf", "png"):
        assert (run_house.run_folder / f"figures/overview/shrinkage.{kind}").stat().st_size > 1000
    tables = run_house.run_folder / "tables/overview"
    shrinkage, scores = (
        pd.read_csv(tables / f"{name}.csv") for name in ("shrinkage", "decomposition")
    )
    assert len(shrinkage) == 3
    names = ["sae", "l0", "norm_ratio", "norm_ratio_lo", "norm_ratio_hi"]
    pd.testing.assert_frame_equal(shrinkage[names], scores[names])
    # The targets that go by themselves, and nothing of the run remade.
    for target in ("overview", "figures", "all"):
        assert run_house.would_run(target).keys().isdisjoint({"decompose_error", "train_sae"})
    assert "overview_shrinkage" in run_house.do("snakemake --list")
    run_house.is_tidy()


@pytest.mark.slow
@pytest.mark.workflow
def test_a_paper(run_house):
    names = run_house.folder / "workflow_scripts/papers/__init__.py"
    before = names.read_text().splitlines()
    touched = run_house.follow("A paper")
    room = "workflow_scripts/papers/toy"
    assert touched == {
        f"{room}/schema.yaml",
        f"{room}/plan.py",
        f"{room}/exhibits.yaml",
        f"{room}/tables/error.py",
        f"{room}/figures/error.py",
        f"{room}/claims/__init__.py",
        "rules/papers/toy.smk",
        "workflow_scripts/papers/__init__.py",
        "config.yaml",
    }
    changed = [
        new for old, new in zip(before, names.read_text().splitlines(), strict=True) if old != new
    ]
    assert len(changed) == 1
    assert changed[0].endswith(', "toy")')
    assert run_house.would_run("toy") == {"tabulate_toy_error": 1, "draw_figure": 1, "toy": 1}
    for command in steps("A paper")[1]:
        run_house.do(command)
    run = run_house.run_folder
    assert (run / "figures/toy/error.png").stat().st_size > 1000
    table = pd.read_csv(run / "tables/toy/error.csv")
    scores = pd.read_csv(run / "tables/overview/decomposition.csv")
    assert table["width"].tolist() == [16, 32, 64]
    assert table["fvu"].tolist() == scores["fvu"].tolist()
    (claim,) = pd.read_csv(run / "claims.csv").to_dict("records")
    assert (claim["paper"], claim["claim"], claim["tables"]) == ("toy", "wider", "error")
    slope = np.polyfit(np.log2(table["width"]), table["fvu"], 1)[0]
    assert claim["measured"] == pytest.approx(slope)
    low, high = claim["measured_lo"], claim["measured_hi"]
    expected = "holds" if high < 0 else "does not hold" if low > 0 else "undecided"
    assert claim["verdict"] == expected
    assert "toy: wider" in (run / "claims.md").read_text()
    page = (run_house.folder / "docs/configuration.md").read_text()
    assert "## `toy`\n" in page
    assert "| `saes` | list of string | required | Groups of SAEs. |" in page
    # A name that its block mentions and that is not there.
    config = run_house.config
    run_house.configure(config | {"toy": {"saes": ["batchtop"]}})
    error = run_house.do("snakemake -n toy", check=False)
    assert "toy.saes names 'batchtop', not in saes; did you mean batchtopk?" in error
    # And without the block.
    del config["toy"]
    run_house.configure(config)
    assert "toy_error" not in run_house.do("snakemake --list")
    run_house.is_tidy()


JUDGE = """
from tests.papers.dark_matter import worlds
from tests.running import execute
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.claims.claim import evaluate
from workflow_scripts.papers.dark_matter.claims import CLAIMS
(claim,) = [claim for claim in CLAIMS if claim.id == "error_norms_predict_larger_on_average"]
tables = worlds.paper_world()
other = tables["fig4"].assign(r2=0.2, r2_lo=0.1, r2_hi=0.3)
for table in (tables["fig4"], other, tables["fig4"].assign(r2_lo=0.0)):
    print(evaluate(claim, tables | {"fig4": table}, 0)["verdict"])
paths = [f"tables/dark_matter/{name}.csv" for name in tables]
for path, table in zip(paths, tables.values()):
    write_table(path, table)
execute("check_claims", "log", input={"tables": paths, "draws": []},
        output={"table": "claims.csv", "page": "claims.md"},
        params={"papers": ["dark_matter"], "seed": 0})
"""


@pytest.mark.slow
def test_a_claim(house):
    touched = house.follow("A claim")
    assert touched == {"workflow_scripts/papers/dark_matter/claims/scaling.py"}
    for command in steps("A claim")[1]:
        output = house.do(command)
        passed = re.search(r"(\d+) passed", output)
        assert passed and int(passed[1]) >= 4, output[-2000:]
    (house.folder / "judge.py").write_text(JUDGE)
    verdicts = house.do("python judge.py").splitlines()
    assert verdicts[:3] == ["holds", "does not hold", "undecided"]
    claims = pd.read_csv(house.folder / "claims.csv").set_index("claim")
    row = claims.loc["error_norms_predict_larger_on_average"]
    assert (row["verdict"], row["tables"]) == ("holds", "fig4")
    assert row["rule"] == "mean r2 (fig4) is at least 0.5"


TRAIN = """
import numpy as np
import pandas as pd
import torch
from sae_lens import SAE
from tests.conftest import SITE, correlated, write_activations
from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.saes.importing import import_sae
from workflow_scripts.anatomy.saes.training import train_sae
training = {"tokens": 320, "batch_size": 32, "learning_rate": 0.003, "dead_after_tokens": 64}
block = {"name": "nested", "group": "g", "architecture": "matryoshka_batchtopk", "site": SITE,
         "width": 16, "k": 3, "seed": 0, "training": training}
store = write_activations("planted.zarr", correlated(40, 12, 6), min_position=2)
trained, curve = train_sae(block, store, "model", "sae_lens")
assert len(curve) == 10 and trained.metadata["architecture"] == "matryoshka_batchtopk"
local = {"kind": "local", "path": "sae_lens", "name": "nested", "model": "model", "site": SITE}
imported = import_sae(local)
theirs = SAE.load_from_disk("sae_lens")
x = torch.from_numpy(store.activations(SITE)[:]).reshape(-1, 6)
for dictionary in (trained, imported):
    codes, reconstructed = dictionary.reconstruct(x)
    assert dictionary.activation == "jumprelu" and codes.l0.sum() > 0
    with torch.no_grad():
        torch.testing.assert_close(codes.to_dense(16), theirs.encode(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(reconstructed, theirs(x), rtol=1e-4, atol=1e-5)
table = pd.DataFrame([imported.metadata, {"architecture": "topk"}])
print([(about.label, about.colour, len(rows)) for about, rows in by_architecture(table)])
"""


@pytest.mark.slow
def test_an_architecture(house):
    touched = house.follow("An architecture of SAEs")
    assert touched == {"workflow_scripts/anatomy/setup/architectures.py"}
    for command in steps("An architecture of SAEs")[1]:
        output = house.do(command)
        assert "pytest" not in command or re.search(r"[1-9]\d* passed", output), output
    page = (house.folder / "docs/configuration.md").read_text()
    assert "`standard` \\| `matryoshka_batchtopk`" in page
    (house.folder / "train.py").write_text(TRAIN)
    shown = house.do("python train.py").splitlines()
    assert "[('TopK', '#de8f05', 1), ('Matryoshka', '#cc78bc', 1)]" in shown


IDENTITY = """
import torch
from tests.anatomy.models.tiny_models import ids, tiny
from workflow_scripts.anatomy.models.hook_points import blocks, capturing
model = tiny("qwen3_5_text").double()
kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
for layer in range(3):
    names = [f"blocks.{layer}.hook_{kind}" for kind in kinds]
    with capturing(model, [*names, f"blocks.{layer}.attn.hook_z"]) as captured:
        model(ids())
    before, attention, mlp, after = (captured[name] for name in names)
    torch.testing.assert_close(before + attention + mlp, after, rtol=1e-12, atol=1e-12)
    assert min(attention.abs().mean(), mlp.abs().mean()) > 1e-6
    block = blocks(model)[layer]
    mixer = block.linear_attn.out_proj if layer < 2 else block.self_attn.o_proj
    torch.testing.assert_close(mixer(captured[f"blocks.{layer}.attn.hook_z"]), attention)
"""


@pytest.mark.slow
def test_a_model_family(house):
    (house.folder / "identity.py").write_text(IDENTITY)
    touched = house.follow("A model family")
    models = "tests/anatomy/models"
    assert touched == {
        "workflow_scripts/anatomy/models/places.py",
        f"{models}/tiny_models.py",
        f"{models}/test_hook_points.py",
    }
    for command in steps("A model family")[1]:
        output = house.do(command + " -rA")
        for test in ("attention_and_mlp_add_up_to_the_residual", "residuals_are_transformers"):
            assert re.search(rf"PASSED .*{test}.*\[qwen3_5_text\]", output), output[-2000:]
    house.do("python identity.py")
