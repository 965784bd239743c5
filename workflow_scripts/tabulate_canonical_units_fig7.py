"""Figures 7 and 8: normalised MSE and increase in cross-entropy, against dictionary size and against k."""

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.activations.sums import activation_sums
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import IDENTITY, identity, with_interval, write_rows
from workflow_scripts.anatomy.codes.normalised_error import error_sums, nmse
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import degradation
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.bootstrap import context_interval

begin(snakemake.log[0], snakemake.threads)

files, params = snakemake.input, snakemake.params
draws, seed, chosen = params.bootstrap, params.seed, params.chosen
variance = activation_sums(open_activations(files.activations), chosen["site"])
rows = []
for sae, codes_path in zip(files.saes, files.codes, strict=True):
    codes = open_codes(codes_path)
    who = identity(description(sae)["metadata"], codes.summary)
    row = {column: who[column] for column in IDENTITY} | {"k": who["nominal_l0"]}
    measured = with_interval(
        "nmse", context_interval(nmse, variance | error_sums(codes), draws, seed)
    )
    measured |= degradation(losses_of(files.losses, who["sae"]), draws, seed)
    if who["nominal_l0"] == chosen["k"]:
        rows.append(row | {"comparison": "size"} | measured)
    if who["width"] == chosen["width"]:
        rows.append(row | {"comparison": "sparsity"} | measured)
rows.sort(key=lambda row: (row["comparison"], row["architecture"], row["width"], row["k"]))
write_rows(snakemake.output.table, rows)
