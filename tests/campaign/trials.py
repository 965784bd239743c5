"""What is done to a finished or a running workflow, and how what comes of it is judged.

A trial returns "" where all is well, and otherwise what passed that should not have: a traceback, a result
that is another one, a silence.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from tests.workflow.conftest import SITE, Workflow

TINY, RUN = "results/store/tiny", "results/tiny"
SAE = f"{TINY}/{SITE}/main-w48-k3-s0"
OTHER = f"{TINY}/{SITE}/main-w96-k3-s0"
SCORES = f"{RUN}/regressions/tiny/{SITE}/main-w48-k3-s0/codes"
OTHER_SCORES = f"{RUN}/regressions/tiny/{SITE}/main-w96-k3-s0/codes"
LOSSES = f"{RUN}/interventions/tiny/{SITE}/losses.npz"
TARGETS = ("dark_matter_fig1", "dark_matter_fig4", LOSSES)

# A file of every kind -> where it lies, and another one of its kind, if there is one.
KINDS = {
    "documents": ("results/store/datasets/text/train.jsonl", None),
    "tokenizer": (f"{TINY}/tokenizer/tokenizer.json", None),
    "tokens": (f"{TINY}/tokens/text.validation.npz", f"{TINY}/tokens/text.train.npz"),
    "model weights": (f"{TINY}/model/model.safetensors", None),
    "activations": (f"{TINY}/heldout.zarr/activations/{SITE}/c/0/0/0", None),
    "SAE weights": (f"{SAE}/sae.safetensors", f"{OTHER}/sae.safetensors"),
    "SAE weights (sae_lens)": (f"{SAE}/sae_lens/sae_weights.safetensors", None),
    "training curve": (f"{SAE}/training_curve.csv", f"{OTHER}/training_curve.csv"),
    "codes": (f"{SAE}/heldout.codes.zarr/values/c/0", f"{OTHER}/heldout.codes.zarr/values/c/0"),
    "summary": (f"{SAE}/heldout.summary.json", f"{OTHER}/heldout.summary.json"),
    "moments": (f"{RUN}/regressions/tiny/{SITE}/moments.npz", None),
    "maps": (f"{SCORES}/maps.npz", f"{OTHER_SCORES}/maps.npz"),
    "norms": (f"{SCORES}/norms.zarr/norms2/c/0/0/0", f"{OTHER_SCORES}/norms.zarr/norms2/c/0/0/0"),
    "scores": (f"{SCORES}/scores.csv", f"{OTHER_SCORES}/scores.csv"),
    "draws": (f"{SCORES}/scores.draws.npz", f"{OTHER_SCORES}/scores.draws.npz"),
    "losses": (LOSSES, None),
    "table": (f"{RUN}/tables/dark_matter/fig1.csv", f"{RUN}/tables/dark_matter/fig4.csv"),
    "figure": (f"{RUN}/figures/dark_matter/fig1.pdf", f"{RUN}/figures/dark_matter/fig4.pdf"),
}
# Who reads a kind of file: the rule, and what it makes.
READERS = {
    "documents": ("tokenize_documents", f"{TINY}/tokens/text.train.npz"),
    "tokenizer": ("tokenize_documents", f"{TINY}/tokens/text.validation.npz"),
    "tokens": ("harvest_activations", f"{TINY}/heldout.zarr/manifest.json"),
    "model weights": ("harvest_activations", f"{TINY}/heldout.zarr/manifest.json"),
    "activations": ("reconstruct_activations", f"{SAE}/heldout.codes.zarr/manifest.json"),
    "SAE weights": ("reconstruct_activations", f"{SAE}/heldout.codes.zarr/manifest.json"),
    "codes": ("decompose_error", f"{SCORES}/scores.csv"),
    "moments": ("decompose_error", f"{SCORES}/scores.csv"),
    "maps": ("measure_losses", LOSSES),
    "scores": ("tabulate_dark_matter_scaling", f"{RUN}/tables/dark_matter/fig1.csv"),
    "table": ("draw_figure", f"{RUN}/figures/dark_matter/fig1.pdf"),
}
DAMAGES = ("flip", "cut", "swap", "delete")
TRACEBACK = "Traceback (most recent call last)"


def program(
    workflow: Workflow, name: str, *arguments: str, seconds: float = 400
) -> tuple[int, str]:
    """Run a program of `launch`; returns its status and all it says."""
    done = subprocess.run(
        [sys.executable, "-m", f"workflow_scripts.anatomy.{name}", *arguments],
        cwd=workflow.folder,
        env=environment(workflow),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return done.returncode, done.stdout + done.stderr


def environment(workflow: Workflow) -> dict[str, str]:
    """Jobs start by themselves: a trial ends before a warm process is warm."""
    return workflow.environment | {"ANATOMY_WARM_START": "no"}


def launch(workflow: Workflow, *arguments: str) -> tuple[int, str]:
    """`make run` with some arguments."""
    return program(workflow, "launch", "--cores", "2", *arguments)


def one_sentence(status: int, output: str, *words: str) -> str:
    """Judge a failure: there is one, it is no traceback, and some line of error holds these words."""
    errors = [line for line in output.splitlines() if "error: " in line]
    if status == 0:
        return "passed in silence"
    if TRACEBACK in output:
        return f"a traceback: {output.rstrip().splitlines()[-1][:200]}"
    if not any(all(word in line for word in words) for line in errors):
        return f"no error names {' and '.join(words)}: {errors[-1:] or output[-200:]}"
    return ""


def results(workflow: Workflow) -> dict[str, bytes]:
    """The tables and scores, by name."""
    run = workflow.folder / RUN
    files = [*run.glob("tables/**/*.csv"), *run.glob("regressions/**/scores.csv")]
    return {str(file.relative_to(run)): file.read_bytes() for file in sorted(files)}


def damage(file: Path, how: str, other: Path | None, rng: random.Random) -> None:
    """Damage one file; its time of modification stays, as with a disk that fails."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    if how == "delete":
        file.unlink()
        return
    if how == "flip":
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        content = content[: rng.randrange(len(content))]
    elif other is not None:
        theirs, stamp = other.read_bytes(), other.stat()
        other.write_bytes(content)
        os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        content = bytearray(theirs)
    else:  # the header stays, and the rest is random
        head = len(content) // 4
        content[head:] = rng.randbytes(len(content) - head)
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def damage_kind(workflow: Workflow, kind: str, how: str, rng: random.Random) -> str:
    """Damage a file of a kind; returns its path."""
    path, other = KINDS[kind]
    damage(workflow.folder / path, how, workflow.folder / other if other else None, rng)
    return path


def verified(workflow: Workflow, kind: str, how: str, rng: random.Random) -> str:
    """`make verify` names the file."""
    path = damage_kind(workflow, kind, how, rng)
    inner = path.partition(".zarr/")[2] or path  # a store's sentence names the store, then the file
    return one_sentence(*program(workflow, "launch.verify"), inner, "make run ARGS=")


def read(workflow: Workflow, kind: str, how: str, rng: random.Random) -> str:
    """The job that reads the file says so in a sentence, or what was made is the same."""
    before = results(workflow)
    path = damage_kind(workflow, kind, how, rng)
    rule, target = READERS[kind]
    status, output = launch(workflow, "--forcerun", rule, "--", target)
    if status == 0 and how == "delete":  # Snakemake makes what is missing
        again = launch(workflow, "--", *TARGETS)
        return "" if again[0] == 0 and results(workflow) == before else "other results"
    return one_sentence(status, output, path.partition(".zarr/")[2] or Path(path).name)


def swapped_folders(workflow: Workflow, rng: random.Random) -> str:
    """Two SAEs' folders change places: the reader names both."""
    one, two = (workflow.folder / path for path in (SAE, OTHER))
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    rule, target = READERS["codes"]
    return one_sentence(
        *launch(workflow, "--forcerun", rule, "--", target),
        Path(SAE).name,
        f"this is {OTHER}",
    )


def rebuilt(workflow: Workflow, rng: random.Random) -> str:
    """A file of every kind is damaged, in one way or another; `--rebuild` makes them anew, the same."""
    before = results(workflow)
    for kind in KINDS:
        how = rng.choice(DAMAGES)
        # A second swap would bring the first one back.
        damage_kind(workflow, kind, "flip" if how == "swap" else how, rng)
    status, output = program(workflow, "launch.verify", "--rebuild", "--cores", "2")
    if status:
        return f"not rebuilt: {output[-300:]}"
    status, output = launch(workflow, "--", *TARGETS)
    if status:
        return f"no run afterwards: {output[-300:]}"
    status, output = program(workflow, "launch.verify")
    if status:
        return f"still damaged: {output[-300:]}"
    return "" if results(workflow) == before else "other results"


def killed(fresh: Workflow, expected: dict[str, bytes], kills: int, rng: random.Random) -> str:
    """All processes are killed at random moments, again and again; then the run ends as if nothing was."""
    for _ in range(kills):
        process = subprocess.Popen(
            [*command(), "--", *TARGETS],
            cwd=fresh.folder,
            env=fresh.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Half of the moments in the first jobs, the others anywhere.
        try:
            process.wait(rng.choice([rng.uniform(1, 12), rng.uniform(12, 45)]))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    status, output = program(fresh, "launch", "--cores", "2", "--", *TARGETS)
    if status:
        return f"the run did not go on: {output[-300:]}"
    status, output = program(fresh, "launch.verify")
    if status:
        return f"damaged: {output[-300:]}"
    return "" if results(fresh) == expected else "other results"


def command() -> list[str]:
    """The command line of the launcher."""
    return [sys.executable, "-m", "workflow_scripts.anatomy.launch", "--cores", "2"]


@contextmanager
def small_disk(folder: Path, size: str):
    """A file system of its own in a folder; needs root."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(options, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disk(fresh: Workflow, size: str) -> str:
    """The results folder is on a disk of some size: one sentence; once there is room, the run goes on."""
    with small_disk(fresh.folder / "results", size):
        found = one_sentence(*launch(fresh, "--", *TARGETS), "no space left on the device")
        return found


def results_is_a_file(fresh: Workflow, rng: random.Random) -> str:
    """`results` is a file."""
    (fresh.folder / "results").write_text("mine\n")
    return one_sentence(*launch(fresh, "--", *TARGETS), "results is no folder")


def read_only(workflow: Workflow, rng: random.Random) -> str:
    """The results folder may only be read (needs root): a job that has to write says so."""
    folder = workflow.folder / "results"
    shutil.rmtree(workflow.folder / RUN / "tables")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    try:
        return one_sentence(*launch(workflow, "--", *TARGETS), "results")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def stale_lock(workflow: Workflow, rng: random.Random) -> str:
    """A killed run's lock lies there, and the targets come after `--`."""
    locks = workflow.folder / ".snakemake" / "locks"
    locks.mkdir(exist_ok=True)
    for name in ("0.input.lock", "0.output.lock"):
        (locks / name).write_text(f"{workflow.folder / TINY / 'model.json'}\n")
    status, output = launch(workflow, "--", *TARGETS)
    return "" if status == 0 and "unlocking" in output else output[-300:]


def shared_store(workflow: Workflow, rng: random.Random) -> str:
    """Another folder's run holds the store: this one is refused and touches nothing."""
    store = workflow.folder / "results/store"
    holder = (
        "import time; from workflow_scripts.anatomy.setup.ownership import hold_store; "
        f"hold_store({{'store': {str(store)!r}}}); print('held', flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], cwd=workflow.folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            rule, target = READERS["SAE weights"]
            return one_sentence(
                *launch(workflow, "--forcerun", rule, "--", target), "another run writes into"
            )
        finally:
            process.kill()


def killed_job(workflow: Workflow, rng: random.Random) -> str:
    """The system kills a job, as where memory runs out."""
    script = workflow.folder / "workflow_scripts" / "gather_site_moments.py"
    text = script.read_text().replace("\nparams", "\nimport os\nos.kill(os.getpid(), 9)\nparams", 1)
    if "os.kill" not in text:
        text += "\nimport os\nos.kill(os.getpid(), 9)\n"
    script.write_text(text)
    target = KINDS["moments"][0]
    return one_sentence(*launch(workflow, "--", target), "the job was killed")


def interrupted_early(workflow: Workflow, rng: random.Random) -> str:
    """Ctrl-C in the first second: no traceback."""
    for _ in range(5):
        process = subprocess.Popen(
            [*command(), "--forceall", "--", *TARGETS],
            cwd=workflow.folder,
            env=workflow.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        time.sleep(rng.uniform(0.15, 2.0))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        if TRACEBACK in output:
            return f"a traceback: {output[-300:]}"
    return ""


def damaged_record(workflow: Workflow, rng: random.Random) -> str:
    """A record of digests is itself damaged."""
    record = workflow.folder / "results/store/.digests/tiny" / SITE / "main-w48-k3-s0"
    damage(record / "sae.safetensors.json", "cut", None, rng)
    rule, target = READERS["SAE weights"]
    return one_sentence(
        *launch(workflow, "--forcerun", rule, "--", target), "record of digests is damaged"
    )


ONCE: dict[str, Callable[[Workflow, random.Random], str]] = {
    "two SAEs' folders swapped": swapped_folders,
    "a file of every kind damaged, then --rebuild": rebuilt,
    "a stale lock, targets after --": stale_lock,
    "a store that another folder's run holds": shared_store,
    "a job killed by the system": killed_job,
    "Ctrl-C in the first two seconds, five times": interrupted_early,
    "a damaged record of digests": damaged_record,
}


def may_mount() -> bool:
    """Whether this user may mount a small disk."""
    if os.geteuid():
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk", "64k"):
                return True
        except (subprocess.CalledProcessError, OSError):
            return False
