"""Many random errors of single tokens, as far away as Sae(x), and where among them Sae(x) is."""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_means import ATTRIBUTES
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.setup.catalogue import layer_left
from workflow_scripts.papers.pathological_errors.interventions import BASELINE


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, npz; sae; tokenizer. params: position.

    table: for each token kl (under Sae(x)), kl_mean and kl_sd of the draws, z, and beyond, the share of
    draws that Sae(x) is worse than. random: KL of every draw, in the order of the draws.
    """
    from workflow_scripts.anatomy.text.tokenization import token_strings

    about = description(input.sae)["metadata"]
    named = {name: about["name" if name == "sae" else name] for name in ATTRIBUTES}
    named |= {"layer": layer_left(about["site"]), "position": params.position}
    strings = token_strings(Path(input.tokenizer))
    with np.load(input.effects) as arrays:
        contexts, tokens, units = (arrays[name] for name in ("contexts", "tokens", "units"))
        kl = arrays["sae"][:, 0, 0].astype(np.float64)
        drawn = arrays[BASELINE][:, :, 0].astype(np.float64)
    mean, sd = drawn.mean(1), drawn.std(1, ddof=1)
    columns = {"context": contexts, "unit": units, "token": [strings[token] for token in tokens]}
    columns |= {"kl": kl, "kl_mean": mean, "kl_sd": sd, "z": (kl - mean) / sd}
    columns["beyond"] = (drawn < kl[:, None]).mean(1)
    draws = {"context": np.repeat(contexts, drawn.shape[1])}
    draws |= {"draw": np.tile(np.arange(drawn.shape[1]), len(drawn)), "kl": drawn.ravel()}
    return {"table": pd.DataFrame(named | columns), "random": pd.DataFrame(draws)}
