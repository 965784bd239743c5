"""Figure 1: a latent of Table 1, its meta-latents, and other latents of these, as a graph."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, read_table
from workflow_scripts.papers.canonical_units.explanations.choice import (
    choose,
    graph_of,
    strongest_latents,
)
from workflow_scripts.papers.canonical_units.explanations.explained import LATENT, META_LATENT
from workflow_scripts.papers.canonical_units.explanations.taken_apart import TakenApart, take_apart

EDGES = ("kind", "source", "target", "strength")
NODES = ("node", "kind", "latent", "explanation", "n_latents")


def tabulate(input: Named, params: Named) -> Tables:
    """input: sae, codes and meta, a meta-SAE of it; explanations, csv. params: explanations, seed."""
    apart = take_apart(input.sae, input.codes, input.meta)
    table = read_table(input.explanations)
    texts = {kind: rows.set_index("latent")["explanation"] for kind, rows in table.groupby("kind")}
    chosen = choose(apart, params.explanations, params.seed).places
    edges: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    for place in graph_of(apart, chosen):
        edges, nodes = _graph(apart, int(place), texts, params.explanations["neighbours"])
    who = apart.identity(params.seed)
    return {
        "table": pd.DataFrame(edges, columns=list(EDGES)).assign(**who),
        "nodes": pd.DataFrame(nodes, columns=list(NODES)).assign(**who),
    }


def _graph(
    apart: TakenApart, middle: int, texts: dict[str, pd.Series], neighbours: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Edges and nodes about the latent at a place.

    An edge `part` joins the latent in the middle to a meta-latent, and `member` a meta-latent to a shown
    latent that it is active on; both are as strong as the activation. `shared` joins two meta-latents,
    by the cosine of their activations on all latents but the one in the middle.
    """
    row = apart.activations[[middle]]
    parts = row.indices[(-row.data).argsort(kind="stable")]
    found = [strongest_latents(apart, part, middle, neighbours) for part in parts]
    members = list(dict.fromkeys(int(place) for places in found for place in places))
    activations = apart.activations[:, parts].toarray().astype(np.float64)
    centre, names = f"latent {apart.latents[middle]}", [f"meta-latent {part}" for part in parts]
    edges = [("part", centre, name, activations[middle, at]) for at, name in enumerate(names)] + [
        ("member", name, f"latent {apart.latents[place]}", activations[place, at])
        for at, name in enumerate(names)
        for place in members
    ]
    rest = np.delete(activations, middle, axis=0)
    lengths = np.linalg.norm(rest, axis=0)
    products = rest.T @ rest
    edges += [
        ("shared", names[one], names[other], products[one, other] / lengths[[one, other]].prod())
        for one, other in combinations(range(len(parts)), 2)
        if products[one, other] > 0
    ]
    nodes = [
        *((centre, "middle", apart.latents[middle], texts[LATENT], 0),),
        *(
            (name, "part", part, texts[META_LATENT], apart.n_latents[part])
            for name, part in zip(names, parts, strict=True)
        ),
        *(
            (f"latent {apart.latents[place]}", "member", apart.latents[place], texts[LATENT], 0)
            for place in members
        ),
    ]
    return (
        [dict(zip(EDGES, edge, strict=True)) for edge in edges if edge[3] > 0],
        [
            dict(zip(NODES, (name, kind, latent, known[latent], count), strict=True))
            for name, kind, latent, known, count in nodes
        ],
    )
