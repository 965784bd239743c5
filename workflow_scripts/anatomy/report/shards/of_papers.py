"""What papers know of latents, put beside what every run knows of them: meta-latents, stitching and probes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflow_scripts.anatomy.base.tables import Named, read_table
from workflow_scripts.anatomy.report.shards.index import index_of
from workflow_scripts.anatomy.report.shards.meta_latents import meta_sae
from workflow_scripts.anatomy.report.shards.probed import with_probed
from workflow_scripts.anatomy.report.shards.shard import Shard
from workflow_scripts.anatomy.report.shards.stitched import (
    novel_below,
    read_stitched,
    stitched_shard,
    with_stitched,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class OfPapers:
    """metas: meta-SAEs as the list of SAEs has them, after all others. columns, index: see `index.index_of`,
    of latents and meta-latents. shards: other files by their paths. novel_below: see `stitched.novel_below`."""

    metas: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    index: Iterator[Shard]
    shards: list[tuple[str, Shard]]
    novel_below: float | None


def of_papers(
    files: Named,
    saes: Sequence[Mapping[str, Any]],
    tables: Sequence["pd.DataFrame"],
    scores: Mapping[int, Mapping[int, Mapping[str, Any]]],
) -> OfPapers:
    """Read what papers wrote.

    Parameters
    ----------
    files: metas, meta_tables, meta_arrays, of each meta-SAE; stitched and probed, tables. Each may be empty.
    saes: what is shown, in its order. tables: `latents.csv` of each. scores: see `index.index_of`.
    """
    described = zip(files.metas, files.meta_arrays, strict=True)
    metas = [meta_sae(about, arrays, saes) for about, arrays in described]
    stitched = read_stitched(files.stitched, saes)
    of_metas = [read_table(path) for path in files.meta_tables]
    known = with_probed(with_stitched(tables, stitched), files.probed, saes)
    columns, index = index_of([*known, *of_metas], scores)
    shards = [("stitched.js", stitched_shard(stitched)), *(parts for _, parts in metas)]
    return OfPapers([about for about, _ in metas], columns, index, shards, novel_below(stitched))
