"""The anatomy of sparse autoencoders: (model, site, SAE) in, tables, figures and claims out."""

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from workflow_scripts.papers.canonical_units.plan import canonical_units_plan
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.base.code_digest import code_of
from workflow_scripts.anatomy.setup.configuration import check
from workflow_scripts.papers.dark_matter.plan import dark_matter_plan
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.local_files import check_local_files, with_home
from workflow_scripts.anatomy.setup.rows import figure_rows

min_version("9.0")


# A configuration given on the command line replaces the default one. Snakemake would merge the two
# key by key, and a preset's run would then contain the default's models.
if "models" not in config:

    configfile: "config.yaml"


try:
    config = with_home(check(config))
    check_local_files(config)
    SAES = {(sae.model, sae.site, sae.name): sae for sae in catalogue(config)}
    DARK_PLAN = dark_matter_plan(config, list(SAES.values()))
    CANON_PLAN = canonical_units_plan(config, list(SAES.values()))
except AnatomyError as error:
    raise WorkflowError(f"error: {error}") from None

STORE = "results/store"
RUN = f"results/{config['run']}"
ROWS = figure_rows()
if all(model["kind"] != "train" for model in config["models"].values()):
    del ROWS["models"]
if all(sae.kind != "trained" for sae in SAES.values()):
    del ROWS["saes"]["training_curves"]
for paper, plan in (("dark_matter", DARK_PLAN), ("canonical_units", CANON_PLAN)):
    for row, reason in plan.missing.items():
        del ROWS[paper][row]
        if workflow.is_main_process:
            logger.info(f"{paper}_{row} is left out: {reason}")
GPU = int(config["device"] == "cuda")


pathvars:
    store=STORE,
    run=RUN,


wildcard_constraints:
    model="|".join(config["models"]),
    dataset="|".join(config["datasets"]),
    harvest="|".join(config["harvests"]),
    site=r"blocks\.\d+\.[a-z_.]+",
    sae="|".join(sorted({sae.name for sae in SAES.values()})),
    split="train|validation",
    component="linear_error|nonlinear_error",
    seed=r"\d+",


include: "rules/paths.smk"


# The names that people type: everything, one paper, one figure or table.


rule all:
    """Everything: the tables and figures of every paper, and what they say of its claims."""
    input:
        [tables_of(paper) + figures_of(paper) for paper in ROWS],
        f"{RUN}/claims.csv",


rule tables:
    """The tables of every paper."""
    input:
        [tables_of(paper) for paper in ROWS],


rule figures:
    """The figures of every paper."""
    input:
        [figures_of(paper) for paper in ROWS],


for paper, rows in ROWS.items():

    rule:
        name:
            paper
        input:
            tables_of(paper),
            figures_of(paper),

    for row, about in rows.items():

        rule:
            name:
                f"{paper}_{row}"
            input:
                [f"{RUN}/tables/{paper}/{name}.csv" for name in about["tables"]],
                [f"{RUN}/{file}" for file in about["files"]],


include: "rules/models.smk"
include: "rules/activations.smk"
include: "rules/training.smk"
include: "rules/reconstructions.smk"
include: "rules/regressions.smk"
include: "rules/interventions.smk"
include: "rules/error_saes.smk"
include: "rules/figures.smk"
include: "rules/papers/dark_matter.smk"
include: "rules/papers/canonical_units.smk"
include: "rules/claims.smk"
include: "rules/audit.smk"
