"""Figures 1 and 9a: FVU against SAE width, its power law, and the level of the nonlinear error."""

import pandas as pd

from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.base.tables import Named, Tables, concatenate
from workflow_scripts.papers.dark_matter.measures.power_law import (
    fit_horizontal,
    fit_power_law,
    horizontal_interval,
    law_intervals,
)

MEASURED = ("fvu", "fvu_nonlinear")
ENDS = ("", "_lo", "_hi", DRAWS)


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of SAEs of one site, and their draws; pursuit_scores and pursuit_draws, those of
    pursuit on their decoders."""
    encoded, pursued = (
        concatenate(scores, draws).sort_values("width", ignore_index=True)
        for scores, draws in (
            (input.scores, input.draws),
            (input.pursuit_scores, input.pursuit_draws),
        )
    )
    measured = [f"{name}{end}" for name in MEASURED for end in ENDS]
    table = encoded[["model", "site", "sae", "width", "l0", "seed", "split", *measured]].copy()
    # Side by side, and not in rows of their own: encoder error is the difference of the two.
    for name in MEASURED:
        for end in ENDS:
            table[f"{name}_pursuit{end}"] = pursued[f"{name}{end}"]
    fits = []
    for codes, scores in (("sae", encoded), ("pursuit", pursued)):
        law = fit_power_law(scores["width"], scores["fvu"])
        level, level_se = fit_horizontal(scores["fvu_nonlinear"])
        ends = law_intervals(law, scores["width"], scores["fvu"])
        ends["horizontal"] = horizontal_interval(scores["fvu_nonlinear"])
        fits.append(
            {
                "model": scores["model"][0],
                "site": scores["site"][0],
                "codes": codes,
                "c": law.c,
                "a": law.a,
                "m": law.m,
                "c_se": law.c_se,
                "a_se": law.a_se,
                "m_se": law.m_se,
                "horizontal": level,
                "horizontal_se": level_se,
            }
            | {f"{name}_lo": low for name, (low, _) in ends.items()}
            | {f"{name}_hi": high for name, (_, high) in ends.items()}
        )
    return {"table": table, "fit": pd.DataFrame(fits)}
