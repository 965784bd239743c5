"""Figure 13: the error norm of each layer's SAE from the activation, and from simpler regressors."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.base.store import opening
from workflow_scripts.anatomy.base.tables import IDENTITY, Named, Tables, read_table, with_draws
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.setup.catalogue import layer_of
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.norm_baselines import norm_baselines


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations of every model; codes, norms (squared, of every token), scores of SAEs and
    their draws, in the same order. params: analysis, seed."""
    analysis, seed = params.analysis, params.seed
    stores = [open_activations(path) for path in input.activations]
    of_model = {store.group.attrs["model"]: store for store in stores}
    rows = []
    for codes_path, norms_path, *scores_paths in zip(
        input.codes, input.norms, input.scores, input.draws, strict=True
    ):
        codes, (scores,) = open_codes(codes_path), read_table(*scores_paths).to_dict("records")
        store = of_model[scores["model"]]
        split = Split.of(analysis, seed, store)
        norms2 = opening(norms_path, "norms")["norms2"]
        who = {name: scores[name] for name in IDENTITY} | {"layer": layer_of(scores["site"])}
        # That from the activation is among the scores: the regression has d regressors, and cost more.
        r2 = {f"r2{end}": scores[f"norm_r2_error{end}"] for end in ("", "_lo", "_hi", DRAWS)}
        rows.append(who | {"regressor": "activation"} | r2)
        baselines = norm_baselines(store, codes, norms2, split, analysis["bootstrap"], seed)
        for name, estimate in baselines:
            rows.append(who | {"regressor": name} | with_draws("r2", estimate))
    return {"table": pd.DataFrame(rows)}
