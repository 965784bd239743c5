"""Table 2: size, L0, MSE and cross-entropy loss recovered of every SAE of the run."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import IDENTITY, identity, with_interval, write_rows
from workflow_scripts.anatomy.codes.normalised_error import error_sums, mse
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import loss_recovered
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.bootstrap import context_interval

begin(snakemake.log[0], snakemake.threads)

files, draws, seed = snakemake.input, snakemake.params.bootstrap, snakemake.params.seed
rows = []
for sae, codes_path, losses in zip(files.saes, files.codes, files.losses, strict=True):
    codes = open_codes(codes_path)
    who = identity(description(sae)["metadata"], codes.summary)
    row = {column: who[column] for column in IDENTITY}
    row |= with_interval("mse", context_interval(mse, error_sums(codes), draws, seed))
    row |= loss_recovered(losses_of(losses, who["sae"]), draws, seed)
    rows.append(row)
write_rows(snakemake.output.table, rows)
