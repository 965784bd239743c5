"""A planted run: files of SAEs, the table that every quantity stands in, and the tables of latents."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.report.cards.card import Card, cards
from workflow_scripts.anatomy.report.cards.identity import Who, read_who
from workflow_scripts.anatomy.report.cards.lookup import Run
from workflow_scripts.anatomy.report.cards.method import Method
from workflow_scripts.anatomy.report.cards.quantities import LATENTS, Quantity, Source

MODEL, SITE = "planted", "blocks.1.hook_resid_post"
HOSTILE = "<script>alert(1)</script>|`x`\u202e=1+1"
METHOD = Method(
    run="planted",
    models={},
    datasets={"text": {"kind": "hf", "path": "some/text"}, "other": {"kind": "python_stdlib"}},
    harvests={
        "train": {"dataset": "text", "split": "train"},
        "heldout": {
            "dataset": "other",
            "split": "validation",
            "contexts": 64,
            "context_length": 32,
            "min_position": 2,
            "separators": "leave_out",
        },
    },
    analysis={"split": "document", "train_fraction": 0.6, "bootstrap": 100},
    contexts=16,
    seed=0,
)


def block(name, architecture="topk", width=32, k=4, seed=0, site=SITE, kind="trained"):
    """The block of an SAE, as the catalogue gives it."""
    return {
        **{"name": name, "group": "g", "kind": kind, "model": MODEL, "site": site},
        **{"architecture": architecture, "width": width, "nominal_l0": k, "seed": seed},
        **{"k": k, "harvest": "train"},
        "training": {"tokens": 1000, "batch_size": 10, "learning_rate": [0.1, 0.2]},
    }


def plant(folder: Path, blocks: list[dict]) -> list[Who]:
    """Write the files of SAEs and their model; return what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "model.json"
    model.write_text(
        json.dumps({"kind": "hf", "path": "org/model", "revision": "abc", "has_bos": True})
    )
    whos = []
    for at, each in enumerate(blocks):
        path = folder / f"{at}.safetensors"
        metadata = {
            **{name: each[name] for name in ("model", "site", "architecture", "width")},
            **{"name": each["name"], "nominal_l0": each["nominal_l0"]},
            **{"seed": each["seed"], "source": "trained"},
        }
        about = {
            **{"activation": "jumprelu" if each["architecture"] == "batchtopk" else "topk"},
            **{"k": each["k"], "center": False, "input_scale": 1.0, "metadata": metadata},
        }
        tensors = {"W_dec": np.full((each["width"], 8), at, np.float32)}
        if each["architecture"] == "batchtopk":
            tensors["threshold"] = np.full(each["width"], 0.5, np.float32)
        save_file(tensors, path, metadata={"anatomy": json.dumps(about)})
        whos.append(read_who(each, "g", path, model, "heldout"))
    return whos


def tables_of(
    quantities: list[Quantity], whos: list[Who], seed: int = 0
) -> dict[tuple[str, str], pd.DataFrame]:
    """A table for each source, with three rows of every SAE where several are meant and others beside them."""
    generator = np.random.default_rng(seed)
    needed: dict[tuple[str, str], list[Source]] = {}
    for each in quantities:
        for source in each.sources:
            if source.table != LATENTS:
                needed.setdefault((each.paper, source.table), []).append(source)
    return {
        place: pd.concat(
            [
                _rows_of(place, at, sources, who, generator)
                for who in whos
                for at, source in enumerate(sources)
                # What is said of a site is said once.
                if source.sae or who.site not in [w.site for w in whos[: whos.index(who)]]
            ],
            ignore_index=True,
        )
        for place, sources in needed.items()
    }


def _rows_of(place, at, sources, who, generator) -> pd.DataFrame:
    """Rows that one source means, and that no other source of the table does, or which agree with it."""
    source = sources[at]
    alike = [other for other in sources if other.where == source.where and other.sae == source.sae]
    if alike[0] is not source:
        return pd.DataFrame()
    n = 3 if any(other.aggregate for other in alike) else 1
    names = {other.sae for other in sources if other.sae}
    rows = pd.DataFrame({"model": [who.model] * n, "site": who.site, "width": who.width})
    for name in names:
        # An SAE that another source of the table looks for must not find these rows.
        rows[name] = who.sae if name == source.sae else "somebody else"
    for column, value in source.where.items():
        bound = isinstance(value, str) and value[:1] in "<>"
        rows[column] = float(value[1:]) + (1 if value[0] == ">" else -1) if bound else value
    for other in alike:
        if other.column in rows:
            continue
        rows[other.column] = generator.normal(size=n)
        rows[f"{other.column}_lo"] = rows[other.column] - generator.random(n)
        rows[f"{other.column}_hi"] = rows[other.column] + generator.random(n)
        if other.n:
            rows[other.n] = generator.integers(10, 10_000)
        if other.column == "l0":
            rows["l0"] = 4 * (1 + 0.1 * generator.random(n))
    return rows


def latents_of(who: Who, name: str = "fires on: def") -> pd.DataFrame:
    """The table of an SAE's latents."""
    generator = np.random.default_rng(who.width + (who.block["seed"] or 0))
    m = who.width
    table = pd.DataFrame({"latent": np.arange(m), "density": generator.random(m), "name": name})
    for column in ("error_contribution", "error_lift", "ablation_gain", "own_cosine", "max_cosine"):
        table[column] = generator.random(m)
        table[f"{column}_lo"], table[f"{column}_hi"] = table[column] - 0.1, table[column] + 0.1
    return table


def made(
    folder: Path, quantities: list[Quantity], blocks: list[dict], name: str = "fires on: def"
) -> tuple[list[Card], dict[tuple[str, str], pd.DataFrame], dict[str, Path]]:
    """The cards of a planted run, its tables, and where the tables of latents lie."""
    whos = plant(folder, blocks)
    latents = {}
    for who in whos:
        latents[who.slug] = folder / f"{who.slug}.latents.csv"
        write_table(latents[who.slug], latents_of(who, name))
    tables = tables_of(quantities, whos)
    missing = {paper: {} for paper, _ in tables}
    return cards(quantities, whos, Run(tables, missing), METHOD, latents), tables, latents
