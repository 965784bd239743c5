"""Worlds of the claims about explanations of meta-latents, and what contradicts each of these claims."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.changes import every, moved
from tests.papers.dark_matter.worlds import with_ends
from workflow_scripts.papers.canonical_units.claims.paper import GPT2

WHO = {"model": GPT2[0], "site": "blocks.8.hook_resid_pre", "sae": "w49152", "width": 49152}
WHO |= {"l0": 42.4, "meta_sae": "main-s0", "meta_width": 2304, "seed": 0, "backend": "endpoint"}
ASKED = list(product(("options", "nothing"), ("real", "shuffled")))


def questions(n_active):
    """n_active: smallest and largest number of meta-latents of a latent."""
    numbers = np.tile(np.arange(n_active[0], n_active[1] + 1), 30)
    rows = pd.DataFrame({"latent": range(len(numbers)), "n_active": numbers})
    rows = rows.assign(n_meta_latents=rows["n_active"], right=3, chosen=rows["latent"], correct=1.0)
    parts = [rows.assign(left_out=left_out, control=control) for left_out, control in ASKED]
    return pd.concat(parts, ignore_index=True).assign(n_active_set_on="other directions", **WHO)


def shares(real, leak, shuffled):
    """Shares of right answers: without the five latents, with them, and of another's meta-latents."""
    rows = [
        {"left_out": left_out, "control": control, "n_meta_latents": number, "share": share}
        | {"questions": 1000 if number == "all" else 200, "unanswered": 0}
        for left_out, control in ASKED
        for share in [
            shuffled if control == "shuffled" else real if left_out == "options" else leak
        ]
        for number in ("all", "3", "4", "5")
    ]
    return with_ends(pd.DataFrame(rows).assign(**WHO), "share")


def scores(meta_latents, shuffled, latents):
    """Mean scores of the explanations of each kind."""
    parts = []
    means = {"meta_latent": meta_latents, "shuffled": shuffled, "latent": latents}
    for at, (kind, mean) in enumerate(means.items()):
        values = mean + np.roll(np.linspace(-0.05, 0.05, 40), 7 * at)
        parts.append(pd.DataFrame({"kind": kind, "latent": range(40), "score": values}))
    return pd.concat(parts, ignore_index=True).assign(n_latents=20, **WHO)


def paper_world() -> dict[str, pd.DataFrame]:
    return {
        "mcq": questions((2, 6)),
        "mcq_shares": shares(0.6, 0.73, 0.2),
        "mcq_scores": scores(0.8, 0.6, 0.75),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    return {
        "mcq": questions((10, 30)),
        "mcq_shares": shares(0.15, 0.3, 0.5),
        "mcq_scores": scores(0.4, 0.6, 0.75),
    }


ALL = {"n_meta_latents": "all"}
CONTRADICTIONS = {
    "latents_are_few_meta_latents": (
        every("mcq", "n_active", 2.9, control="real"),
        moved("mcq", "n_active", 3, control="real"),
    ),
    "meta_latents_tell_the_latent": every(
        "mcq_shares", "share", 0.19, left_out="options", control="real", **ALL
    ),
    "meta_latents_tell_the_latent_by": tuple(
        every("mcq_shares", "share", share, left_out="nothing", control="real", **ALL)
        for share in (0.69, 0.77)
    ),
    "another_latents_meta_latents_tell_nothing": tuple(
        every("mcq_shares", "share", share, left_out="options", control="shuffled", **ALL)
        for share in (0.09, 0.31)
    ),
    # No better than a guess; and better, but random latents are explained as well.
    "meta_latents_are_interpretable": (
        moved("mcq_scores", "score", -0.35, kind="meta_latent"),
        every("mcq_scores", "score", 0.85, kind="shuffled"),
    ),
    "meta_latents_are_monosemantic": every("mcq_scores", "score", 0.85, kind="shuffled"),
}


def graph(parts: int = 5, members: int = 3) -> dict[str, pd.DataFrame]:
    """The tables of figure 1: a latent, its meta-latents, and other latents of these."""
    text = 'fires on: " self" or "\\n       " or "§" (71%); any token, within 8 tokens after " def" (12%); '
    nodes = [("latent 7", "middle", 7, text)]
    nodes += [(f"meta-latent {part}", "part", part, text * (1 + part % 2)) for part in range(parts)]
    edges = [("part", "latent 7", f"meta-latent {part}", 1 / (1 + part)) for part in range(parts)]
    for part, member in product(range(parts), range(members)):
        number = 100 + members * part + member
        nodes.append((f"latent {number}", "member", number, text if member else None))
        edges.append(("member", f"meta-latent {part}", f"latent {number}", 0.9 - 0.2 * member))
        edges.append(("member", f"meta-latent {(part + 1) % parts}", f"latent {number}", 0.1))
    edges += [
        ("shared", f"meta-latent {one}", f"meta-latent {other}", 0.1 * other)
        for one, other in product(range(parts), repeat=2)
        if one < other
    ]
    return {
        "fig1": pd.DataFrame(edges, columns=["kind", "source", "target", "strength"]).assign(**WHO),
        "fig1_nodes": pd.DataFrame(nodes, columns=["node", "kind", "latent", "explanation"]).assign(
            n_latents=20, **WHO
        ),
    }
