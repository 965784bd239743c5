"""Dark matter, Section 4.1, Appendix A.2 and A.3: how well the error's norm is predicted from x."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import LEVEL
from workflow_scripts.anatomy.claims.measures import (
    columns,
    combination,
    highest,
    label_gap,
    larger_of,
    lowest,
    mean,
    slope,
    stacked,
)
from workflow_scripts.anatomy.claims.rule import (
    Rule,
    at_least,
    at_most,
    negative,
    positive,
)
from workflow_scripts.papers.dark_matter.claims.layers import (
    later_layers,
    layer_gap,
    middle_layers,
    ranks,
)
from workflow_scripts.papers.dark_matter.claims.paper import CONTOURS, OURS, PAPER_MODELS

EVERYWHERE = (*CONTOURS, "fig3")
PLATEAU = (0.8, 0.95)

EQ_10 = "Slip: Eq. 10 takes the probe from R; a probe on x is in R^d"
CAPTIONS = (
    "Slip: the captions of Fig. 2, 10 and 11 call both outer columns right; the norms are left"
)
LAYER = "Slip: Section 4.1 says layer 9 of Gemma 2 2B for Fig. 2; its caption and panels say 12"
RANGE = (
    "Section 4.1 states 70 to 95 % for all layers, but describes Fig. 3 as low in the first layers and "
    "falling steeply in the last, and Section 5.1 leaves out SAEs with R^2 of 0 or less"
)


def _denser_is_worse(tables: Tables) -> Measurement:
    """How far norm R^2 rises to the second densest SAE of a width, and falls again to the densest.

    The smaller of the two of each site, at the site where it is largest. Intervals are those of all
    sites at once (Bonferroni).
    """
    from scipy.stats import norm

    found = []
    table = stacked(tables, CONTOURS)
    for site, part in table.groupby(["model", "site"], sort=False):
        widths = [rows.sort_values("l0").index for _, rows in part.groupby("width")]
        widths = [rows for rows in widths if len(rows) > 2]
        sides = []
        for end in (0, -1):
            weights = np.zeros(len(table))
            for rows in widths:
                weights[rows[-2]] += 1 / len(widths)
                weights[rows[end]] -= 1 / len(widths)
            sides.append(combination(table, "norm_r2", weights))
        if widths:
            ends = [min(getattr(side, end) for side in sides) for end in ("value", "lo", "hi")]
            found.append((ends, " ".join(site)))
    if not found:
        raise NotTestable("no site has three L0s at one width")
    value, low, high = np.array([numbers for numbers, _ in found]).T
    wider = norm.isf((1 - LEVEL) / len(found)) / norm.isf(1 - LEVEL)
    low, high = value - wider * (value - low), value + wider * (high - value)
    detail = f"largest at {found[int(np.argmax(value))][1]}"
    return Measurement(value.max(), low.max(), high.max(), sides[0].over, detail)


def _plateau(tables: Tables) -> Measurement:
    """How far the layer that is furthest outside of the range is from it; below 0 within."""
    value, low, high = columns(middle_layers(tables["fig3"]), "norm_r2")
    found = [
        np.maximum(PLATEAU[0] - below, above - PLATEAU[1]).max()
        for below, above in ((value, value), (high, low), (low, high))
    ]
    return Measurement.of(found, "documents")


def _first_layer(table: pd.DataFrame) -> pd.DataFrame:
    return table[ranks(table) == 0]


CLAIMS = [
    Claim(
        "norm_r2_lowest",
        "Section 4.1",
        "The squared error norm is linearly predictable for every SAE, at worst to this R^2.",
        "70 %",
        lowest(EVERYWHERE, "norm_r2"),
        at_least(0.695),
        PAPER_MODELS,
        RANGE,
    ),
    Claim(
        "norm_r2_highest",
        "Section 4.1",
        "The squared error norm of no SAE is predicted better than to this R^2.",
        "95 %",
        highest(EVERYWHERE, "norm_r2"),
        at_most(0.955),
        PAPER_MODELS,
        f"{EQ_10}. {CAPTIONS}",
    ),
    Claim(
        "norm_r2_ninety",
        "Abstract",
        "More than nine tenths of the error's norm follow linearly from the activation.",
        "> 90 %",
        mean(CONTOURS, "norm_r2"),
        at_least(0.9),
        PAPER_MODELS,
        "Section 4.1 gives 70 to 95 % for the same quantity: the abstract quotes the upper part",
    ),
    Claim(
        "norm_predictable",
        "Section 4.1",
        "A linear probe on the activation predicts the squared error norm of every SAE.",
        "R^2 far above 0",
        lowest(EVERYWHERE, "norm_r2"),
        at_least(0.5),
        note=f"far above is taken as half of the variance: {OURS}",
    ),
    Claim(
        "norm_less_predictable_wider",
        "Section 4.1, Fig. 2 left",
        "The wider the SAE, the less predictable its error norm.",
        "R^2 falls with width",
        slope(["fig2"], "norm_r2", "width", ["l0"]),
        negative(),
        note=f"{LAYER}. {CAPTIONS}",
    ),
    Claim(
        "norm_less_predictable_sparser",
        "Section 4.1, Fig. 2 left",
        "The sparser the SAE, the less predictable its error norm.",
        "R^2 rises with L0",
        slope(["fig2"], "norm_r2", "l0", ["width"]),
        positive(),
        note=LAYER,
    ),
    Claim(
        "norm_less_predictable_densest",
        "Section 4.1, Fig. 2 and 11",
        "At some layers the error norm gets more predictable with L0 and less so again at the densest.",
        "R^2 rises with L0 and falls at the highest",
        Measure(
            "the smaller of norm_r2 of the second densest minus the sparsest and minus the densest SAE of "
            "a width, mean over widths, at the site where it is largest (fig2, fig10, fig11)",
            _denser_is_worse,
        ),
        positive(),
        note="what counts as extremely dense the paper does not say; the run's densest SAEs stand in. The "
        "interval allows for the choice among the sites",
    ),
    Claim(
        "norm_other_layers_wider",
        "Appendix A.2, Fig. 10 and 11 left",
        "At other layers, too, predictability of the error norm falls with width.",
        "R^2 falls with width",
        slope(["fig10", "fig11"], "norm_r2", "width", ["l0"]),
        negative(),
        note="Slip: by its caption and A.2 Fig. 10 shows Gemma 2 2B, but its panel for layer 19 says 9B",
    ),
    Claim(
        "layers_first_low",
        "Section 4.1, Fig. 3",
        "The error norm is poorly predictable at the first layers.",
        "low in the first layers",
        layer_gap("first"),
        at_most(-0.05),
        note=OURS,
    ),
    Claim(
        "layers_last_drop",
        "Section 4.1, Fig. 3",
        "Predictability of the error norm drops at the last layers.",
        "steep drop in the last layers",
        layer_gap("last"),
        at_most(-0.05),
        note=f"steep is read as 0.05: {OURS}",
    ),
    Claim(
        "layers_mid_late_dip",
        "Section 4.1, Fig. 3",
        "Predictability of the error norm dips slightly at layers past the middle, and recovers.",
        "slight dip in mid-late layers",
        larger_of(layer_gap("mid-late"), layer_gap("recovery")),
        Rule(-0.1, 0, strict=True),
        note=f"slightly is read as less than 0.1: {OURS}",
    ),
    Claim(
        "layers_plateau",
        "Section 4.1, Fig. 3",
        "Between its rise and its drop the R^2 of the error norm stays in this range.",
        "about 0.8 to 0.95",
        Measure(
            "furthest that norm_r2 of any layer of the middle half is outside of 0.8 to 0.95 (fig3)",
            _plateau,
        ),
        at_most(0.005),
        PAPER_MODELS,
        "every layer counts: a mean or a median would let some of them be anywhere",
    ),
    *(
        Claim(
            f"activation_beats_{regressor}",
            "Appendix A.3, Fig. 13",
            f"The activation predicts the error norm better than {words} does{where}.",
            "activation significantly better",
            label_gap("fig13", "r2", "regressor", "activation", regressor, keep, among),
            positive(),
            note=note,
        )
        for regressor, words, where, keep, among, note in (
            (
                "token",
                "the token's identity",
                ", at later layers",
                later_layers,
                "deepest two thirds of the layers",
                "the released code scores this baseline on its training tokens; here it is held out",
            ),
            ("l0", "the number of active latents", "", None, "", ""),
            ("activation_norm", "the activation's norm", "", None, "", ""),
            ("loss", "the model's loss", "", None, "", ""),
        )
    ),
    Claim(
        "token_beats_activation_first",
        "Appendix A.3, Fig. 13",
        "At the first layers the token's identity predicts the error norm better than the activation.",
        "token better at the first few layers",
        label_gap("fig13", "r2", "regressor", "token", "activation", _first_layer, "first layer"),
        positive(),
    ),
]
