"""Figure 16: ROC of the maximum decoder cosine as a predictor of whether adding a latent lowers the MSE."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.bootstrap import context_interval
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.pairs import describe_pair
from workflow_scripts.anatomy.stitching.insertion import insertions
from workflow_scripts.anatomy.stitching.pair import Pair, consecutive
from workflow_scripts.anatomy.stitching.roc import area_statistic, receiver_curve
from workflow_scripts.anatomy.stitching.similarity import similarity
from workflow_scripts.anatomy.tables import with_interval, write_table

begin(snakemake.log[0], snakemake.threads)

POINTS = 1000  # of the curve, evenly spaced among its thresholds

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    # A latent that never fires says nothing about the direction of its effect.
    alive = large.codes.latents("firing_count") > 0
    cosine = similarity(small.directions, large.directions, params.threshold).max_cosine[alive]
    change = insertions(Pair(store, params.site, small, large)).change[:, alive]
    curve = receiver_curve(cosine, change.sum(0) < 0)
    shown = np.unique(np.linspace(0, len(curve[0]) - 1, POINTS).round().astype(np.int64))
    columns = {
        name: part[shown] for name, part in zip(("threshold", "fpr", "tpr"), curve, strict=True)
    }
    area = context_interval(area_statistic(cosine), {"change": change}, draws, params.seed)
    about = with_interval("auc", area) | describe_pair(small.codes, large.codes, params.seed)
    about["novel_below"] = params.threshold
    tables.append(pd.DataFrame(columns).assign(**about))
write_table(snakemake.output.table, pd.concat(tables))
