"""Figure 13: the error norm of each layer's SAE from the activation, and from simpler regressors."""

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import opening
from workflow_scripts.anatomy.base.tables import IDENTITY, read_table, with_interval, write_rows
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.setup.catalogue import layer_of
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.norm_baselines import norm_baselines

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
stores = {path: open_activations(path) for path in snakemake.input.activations}
harvests = {store.group.attrs["model"]: store for store in stores.values()}
rows = []
for codes_path, norms_path, scores_path in zip(
    snakemake.input.codes, snakemake.input.norms, snakemake.input.scores, strict=True
):
    codes, (scores,) = open_codes(codes_path), read_table(scores_path).to_dict("records")
    store = harvests[scores["model"]]
    split = Split.of(analysis, params.seed, store)
    norms2 = opening(norms_path, "norms")["norms2"]
    who = {name: scores[name] for name in IDENTITY} | {"layer": layer_of(scores["site"])}
    activation = [scores[f"norm_r2_error{end}"] for end in ("", "_lo", "_hi")]
    found = [("activation", *activation)]
    found += norm_baselines(store, codes, norms2, split, analysis["bootstrap"], params.seed)
    rows += [who | {"regressor": name} | with_interval("r2", values) for name, *values in found]
write_rows(snakemake.output.table, rows)
