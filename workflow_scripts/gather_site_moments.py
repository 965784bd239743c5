"""X'X of the activations of a site, once for all of its SAEs."""

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.decomposition.decomposition import site_moments
from workflow_scripts.anatomy.statistics.regression import Solver
from workflow_scripts.anatomy.statistics.splits import Split, account

begin(snakemake.log[0], snakemake.params.threads)

params = snakemake.params
analysis = params.analysis
store = open_activations(snakemake.input.activations)
split = Split.of(analysis, params.seed, store)
sides, cautions = account(split)
for line in sides:
    log.info("%s", line)
for line in cautions:
    log.warning("warning: %s", line)
gathered = site_moments(
    store,
    params.site,
    split,
    resolve_device(params.device),
    params.threads,
    snakemake.config["analysis"]["dask"],
)
# Solvable or not is said here, before any SAE of the site is regressed on it.
solver = Solver(gathered, analysis["intercept"], f"{store.path}, {params.site}")
log.info("%d training tokens, condition number %.2e", gathered.count, solver.condition)
with replacing(snakemake.output.moments) as temporary:
    gathered.save(temporary)
