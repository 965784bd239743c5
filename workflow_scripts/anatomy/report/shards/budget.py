"""What is left out where the data would be too large, in a fixed order, and how the page says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.report.latents.extent import STRATA
from workflow_scripts.anatomy.report.shards.errors import without_errors
from workflow_scripts.anatomy.report.shards.explanations import MISSES
from workflow_scripts.anatomy.report.shards.misses import MISSED
from workflow_scripts.anatomy.report.shards.samples import first_samples
from workflow_scripts.anatomy.report.shards.shard import Shard, read_shard, write_shard

SAMPLES = (8, 4)
COMPARABLE = 0.25  # two L0 this near, as a share of the first, are comparable
WINDOWS = 12  # of a latent, one of each stratum among them
MB = 1_000_000


@dataclass(frozen=True)
class Kept:
    """How much of everything is kept: sample contexts of a model, strongest contexts of a latent and
    contexts of each of its strata, and whether nearest latents are in `all` other SAEs or in `comparable`."""

    samples: int
    windows: int
    per_stratum: int
    neighbours: str = "all"


@dataclass(frozen=True)
class Step:
    """Something that is left out: what is kept then, in words, and how a file of that kind is cut."""

    kind: str
    kept: Kept
    sentence: str
    cut: Callable[[Shard], Shard]


def steps(kept: Kept, saes: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    """What is left out one after another; each `kept` is after all before it."""
    for number in SAMPLES:
        if number < kept.samples:
            sentence = (
                f"Texts: {number} contexts instead of {kept.samples}, to keep the folder small."
            )
            kept = replace(kept, samples=number)
            yield Step("samples", kept, sentence, partial(first_samples, number=number))
    if any(sae["decomposed"] for sae in saes):
        sentence = "Contexts of a latent: not shaded by the SAE's error, to keep the folder small."
        yield Step("errors", kept, sentence, without_errors)
    numbers = {sae["slug"]: number for number, sae in enumerate(saes)}
    l0 = np.array([sae["l0"] for sae in saes], float)
    if kept.neighbours == "all":
        kept = replace(kept, neighbours="comparable")
        sentence = "Nearest latents: only in SAEs of about the same L0 (within 25 %), to keep the folder small."
        yield Step("lat", kept, sentence, partial(_comparable, numbers=numbers, l0=l0))
    strongest = WINDOWS - STRATA
    if kept.windows > strongest or kept.per_stratum > 1:
        before = kept.windows + STRATA * kept.per_stratum
        kept = replace(
            kept, windows=min(kept.windows, strongest), per_stratum=min(kept.per_stratum, 1)
        )
        after = kept.windows + STRATA * kept.per_stratum
        sentence = f"Contexts of a latent: {after} instead of {before}, to keep the folder small."
        strata = [kept.windows] + [kept.per_stratum] * STRATA + [MISSES]
        yield Step("lat", kept, sentence, partial(_fewer_windows, strata=strata))


def fit(
    folder: Path, size: int, budget_mb: float, kept: Kept, saes: Sequence[Mapping[str, Any]]
) -> tuple[Kept, list[str]]:
    """Cut the files of SAEs in a folder until all data are within the budget.

    Parameters
    ----------
    folder: has a folder for each SAE, of its slug. size: bytes of all other data.
    budget_mb: millions of bytes for both.

    Returns
    -------
    What is kept, and a sentence for each thing that is left out; one more where the data are larger all
    the same.
    """
    said: list[str] = []

    def total() -> int:
        return size + sum(file.stat().st_size for sae in saes for file in _files(folder, sae))

    for step in steps(kept, saes):
        if total() <= budget_mb * MB:
            return kept, said
        for sae in saes:
            for file in _files(folder, sae):
                if file.name.startswith(step.kind):
                    write_shard(file, step.cut(read_shard(file)))
        kept = step.kept
        said.append(step.sentence)
    if total() > budget_mb * MB:
        said.append(
            f"The data have {total() / MB:.1f} MB and not {budget_mb:g}: there is nothing more to leave out."
        )
    return kept, said


def _files(folder: Path, sae: Mapping[str, Any]) -> list[Path]:
    return sorted((folder / sae["slug"]).glob("*.js"))


def _comparable(shard: Shard, numbers: Mapping[str, int], l0: np.ndarray) -> Shard:
    own = l0[numbers[shard.key.split(":")[1]]]
    other = l0[shard.columns["near_sae"]]
    kept = np.abs(other - own) <= COMPARABLE * own
    return _selected(shard, {name: kept for name in shard.columns if name.startswith("near_")})


def _fewer_windows(shard: Shard, strata: Sequence[int]) -> Shard:
    """The first windows of every latent and stratum: within each, the strongest come first."""
    columns = shard.columns
    latent, stratum = columns["window_latent"].astype(np.int64), columns["window_stratum"]
    group = latent * (MISSED + 1) + stratum
    first = np.concatenate([[True], group[1:] != group[:-1]]) if len(group) else np.zeros(0, bool)
    begins = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
    kept = np.arange(len(group)) - begins < np.asarray(strata)[stratum]
    values = np.repeat(kept, columns["window_length"])
    chosen = {name: kept for name in columns if name.startswith("window_")}
    return _selected(shard, chosen | {"window_values": values})


def _selected(shard: Shard, chosen: Mapping[str, np.ndarray]) -> Shard:
    columns = {
        name: column[chosen[name]] if name in chosen else column
        for name, column in shard.columns.items()
    }
    return Shard(shard.key, shard.header, columns, shard.digest)
