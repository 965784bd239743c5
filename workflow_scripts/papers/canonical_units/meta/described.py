"""Every meta-latent of a meta-SAE, as the explorer shows them: which latents have it, and what is near."""

from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, read_table
from workflow_scripts.anatomy.report.latents.nearest import nearest_of, open_others, own_cosines
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.papers.canonical_units.explanations.explained import META_LATENT
from workflow_scripts.papers.canonical_units.explanations.taken_apart import take_apart

PREFIX = "fires on: "


def describe(
    input: Named,
) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict[str, Any]]:
    """Describe the meta-latents of a meta-SAE.

    Parameters
    ----------
    input: sae and codes of the SAE taken apart; meta, the meta-SAE; explanations, its csv; saes, codes_of_saes:
        all SAEs of the site, that SAE too, among which nearest latents are looked for.

    Returns
    -------
    A row for each of m meta-latents under the names of `latents.csv`. To a meta-latent the n firing latents
    of the SAE are what tokens are to a latent: `firings` and `density` count those that have it, `maximum`
    and `mean_activation` are of its strengths on them.
    Arrays: part_latent, part_meta (e,) uint32 and part_strength (e,) float32, by latent and then the
    strongest first; near_saes, near_latent (meta-latent), near_sae, near_other, near_cosine as in `latents.npz`.
    What the list of SAEs says of the meta-SAE.
    """
    apart = take_apart(input.sae, input.codes, input.meta)
    meta = load_dictionary(input.meta)
    near = nearest_of(meta.W_dec, open_others(input.saes, input.codes_of_saes))
    which, other, cosine = near.best()
    strengths = apart.activations.tocsc()
    count = apart.n_latents
    total = np.asarray(strengths.sum(0), np.float64).ravel()
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    texts = read_table(input.explanations)
    texts = texts[texts["kind"] == META_LATENT].set_index("latent").reindex(range(len(count)))
    table = pd.DataFrame(
        {
            "latent": np.arange(len(count)),
            "firings": count,
            "density": count / len(apart.latents),
            "maximum": strengths.max(0).toarray().ravel(),
            "mean_activation": mean,
            "decoder_norm": meta.W_dec.double().norm(dim=1).numpy(),
            "own_cosine": own_cosines(meta.W_dec),
            "nearest_sae": np.array(near.names)[which],
            "nearest_latent": other,
            "max_cosine": cosine,
            "score": texts["score"].to_numpy(),
            "name": texts["explanation"].fillna("").str.removeprefix(PREFIX).to_numpy(),
        }
    )
    return table, _arrays(apart, near), _about(apart, description(input.meta)["metadata"])


def _arrays(apart: Any, near: Any) -> dict[str, np.ndarray]:
    entries = apart.activations.tocoo()
    order = np.lexsort((entries.col, -entries.data, entries.row))
    metas, saes = near.other.shape
    return {
        "part_latent": apart.latents[entries.row[order]].astype(np.uint32),
        "part_meta": entries.col[order].astype(np.uint32),
        "part_strength": entries.data[order].astype(np.float32),
        "near_saes": np.array(near.names, dtype=np.str_),
        "near_latent": np.repeat(np.arange(metas, dtype=np.uint32), saes),
        "near_sae": np.tile(np.arange(saes, dtype=np.uint16), metas),
        "near_other": near.other.reshape(-1).astype(np.uint32),
        "near_cosine": near.cosine.reshape(-1).astype(np.float32),
    }


def _about(apart: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    of = apart.codes.group.attrs
    active = apart.activations.nnz / max(1, len(apart.latents))
    return {
        "model": of["model"],
        "site": of["site"],
        "sae": f"{apart.name}-of-{of['sae']}",
        "architecture": metadata["architecture"],
        "width": apart.meta_width,
        "l0": active,
        "seed": metadata.get("seed"),
        "of": of["sae"],
        "rows": len(apart.latents),
    }
