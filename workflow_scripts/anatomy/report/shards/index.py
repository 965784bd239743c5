"""The index: a row for every latent of every SAE, a column for each number that is known of latents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workflow_scripts.anatomy.report.shards.shard import Shard, text_columns

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column of the index.

    key: its name in the explorer. label, sentence: for the reader. unit: `share` for 0 to 1, empty for a
    pure number. digits: after the decimal point. source: its column in `latents.csv`; `<source>_lo` and
    `<source>_hi` are its interval, where it has one. reason: why latents that fire may lack it.
    """

    key: str
    label: str
    sentence: str
    unit: str
    digits: int
    source: str
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        """As the page has it."""
        return {key: value for key, value in asdict(self).items() if key != "source"}

    def end(self, which: str) -> "Column":
        """The column of an end of its interval, ``lo`` or ``hi``."""
        name = {"lo": "lower", "hi": "upper"}[which]
        return Column(
            f"{self.key}_{which}",
            f"{self.label}, {name} end",
            f"{name.capitalize()} end of the 95 % interval, documents resampled. {self.sentence}",
            self.unit,
            self.digits,
            f"{self.source}_{which}",
        )


UNDIVIDED = "the error of its SAE was not taken apart"
UNSTITCHED = "its SAE was not stitched as the larger of two"

# The core is loaded with the page, the others when they are looked at.
CORE = (
    Column(
        "density", "Density", "Share of tokens on which the latent fires.", "share", 5, "density"
    ),
    Column(
        "error",
        "Error contribution",
        "Share of the SAE's squared error that falls to this latent, where each token's error is shared "
        "among the latents that fire there in proportion to their part of the reconstruction. It adds up "
        "to 1 over all latents, and follows density: read it with density and lift.",
        "share",
        5,
        "error_contribution",
    ),
    Column(
        "score",
        "Score",
        "How well its explanation tells where it fires: the mean of the accuracies where it fires and where "
        "it is silent. Chance is 0.5.",
        "",
        3,
        "score",
        "it was not among the latents that were explained",
    ),
    Column(
        "cosine",
        "Cosine",
        "Highest decoder cosine to a latent that fires of another SAE of the same site.",
        "",
        3,
        "max_cosine",
    ),
)
OTHERS = (
    Column("firings", "Firings", "Tokens on which the latent fires.", "tokens", 0, "firings"),
    Column("maximum", "Maximum", "Its largest activation.", "", 3, "maximum"),
    Column(
        "mean_activation",
        "Mean activation",
        "Mean activation where it fires.",
        "",
        3,
        "mean_activation",
    ),
    Column(
        "linear_error_contribution",
        "Linear error contribution",
        "As the error contribution, of the part of the error that is a linear map of the activation.",
        "share",
        5,
        "linear_error_contribution",
        UNDIVIDED,
    ),
    Column(
        "nonlinear_error_contribution",
        "Nonlinear error contribution",
        "As the error contribution, of the part of the error that no linear map of the activation gives.",
        "share",
        5,
        "nonlinear_error_contribution",
        UNDIVIDED,
    ),
    Column(
        "error_lift",
        "Error lift",
        "Mean squared error of tokens where it fires, over the mean of all tokens.",
        "",
        3,
        "error_lift",
    ),
    Column(
        "ablation_gain",
        "Ablation gain",
        "By how much the mean squared error rises when the latent is set to 0; below zero, the SAE is "
        "better without it.",
        "%",
        3,
        "ablation_gain",
    ),
    Column(
        "delta_mse",
        "Stitching",
        "Change of the mean squared error of a smaller SAE when this latent alone is added to it; below zero, "
        "the smaller SAE gains by it.",
        "",
        4,
        "delta_mse",
        UNSTITCHED,
    ),
    Column(
        "novel",
        "Novel",
        "1 where no latent of the smaller SAE that its own was stitched with is like it, else 0.",
        "",
        0,
        "novel",
        UNSTITCHED,
    ),
    Column(
        "probe",
        "Probe",
        "Dot product of its decoder direction, of length 1, with the linear probe that predicts the squared norm "
        "of Sae(x), less the bias, from itself. Its interval is a jackknife over contexts.",
        "",
        3,
        "probe_dot",
        "the run sets this probe against the latents of other SAEs alone",
    ),
    Column(
        "decoder_norm", "Decoder norm", "Length of its decoder direction.", "", 3, "decoder_norm"
    ),
    Column(
        "own_cosine",
        "Cosine within the SAE",
        "Largest absolute decoder cosine to another latent of this SAE.",
        "",
        3,
        "own_cosine",
    ),
)


def index_of(
    tables: Sequence["pd.DataFrame"],
    explanations: Mapping[int, Mapping[int, Mapping[str, Any]]] | None = None,
) -> tuple[list[dict[str, Any]], Iterator[Shard]]:
    """What the page says of the columns, and the files of the index.

    Parameters
    ----------
    tables: `latents.csv` of each SAE, in the order of the SAEs, latents ascending.
    explanations: number of an SAE -> latent -> {score, …}, see `explanations.read_explanations`.
    """
    sizes = [len(table) for table in tables]
    latent = np.concatenate([table["latent"].to_numpy() for table in tables])
    core: dict[str, np.ndarray] = {
        "sae": np.repeat(np.arange(len(tables)), sizes).astype(np.uint16),
        "latent": latent.astype(np.uint32),
    }
    core |= {column.key: _values(tables, column.source) for column in CORE}
    core["error"] = np.where(core["density"] > 0, core["error"], np.float32(np.nan))
    first = np.concatenate([[0], np.cumsum(sizes)])
    for number, of_sae in (explanations or {}).items():
        for row, about in of_sae.items():
            if about["score"] is not None:
                core["score"][first[number] + row] = about["score"]
    ends = [column.end(which) for column in (*CORE, *OTHERS) for which in ("lo", "hi")]
    known = [column for column in (*OTHERS, *ends) if _is_known(tables, column.source)]
    names = [name for table in tables for name in table["name"].fillna("").astype(str)]

    def shards() -> Iterator[Shard]:
        yield Shard("index-core", {}, core)
        for column in known:
            yield Shard(f"index-{column.key}", {}, {"value": _values(tables, column.source)})
        yield Shard("names", {}, text_columns("names", names))

    return [column.plain() for column in (*CORE, *known)], shards()


def _values(tables: Sequence["pd.DataFrame"], source: str) -> np.ndarray:
    """A column of all tables one after another, float32, NaN where it is not measured."""
    parts = [
        table[source].to_numpy(np.float32)
        if source in table
        else np.full(len(table), np.nan, np.float32)
        for table in tables
    ]
    return np.concatenate(parts)


def _is_known(tables: Sequence["pd.DataFrame"], source: str) -> bool:
    return any(source in table and table[source].notna().any() for table in tables)
