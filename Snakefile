"""The anatomy of sparse autoencoders: (model, site, SAE) in, tables, figures and claims out."""

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from workflow_scripts.anatomy.base.code_digest import code_of
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.setup.local_files import check_local_files, with_home
from workflow_scripts.anatomy.setup.model_keys import check_model_keys
from workflow_scripts.anatomy.setup.names import any_of
from workflow_scripts.anatomy.setup.ownership import check_owners, hold_store, record_owner
from workflow_scripts.anatomy.setup.reading import configured
from workflow_scripts.anatomy.setup.sae_agreement import check_agreement
from workflow_scripts.anatomy.text.inspection import check_text_files
from workflow_scripts.papers import registry as papers

min_version("9.0")


# Read here, strictly, and not by Snakemake. A configuration given on the command line replaces the default
# one: Snakemake would merge the two key by key, and a preset's run would then contain the default's models.
CONFIG_FILES = workflow.overwrite_configfiles or ["config.yaml"]
workflow.configfiles[:] = CONFIG_FILES
# What says the same configuration to another Snakemake.
CONFIG_OPTIONS = ["--configfile", *map(str, CONFIG_FILES)]
if workflow.config_settings.config_args:
    CONFIG_OPTIONS += ["--config", *workflow.config_settings.config_args]

try:
    config = with_home(papers.check(configured(CONFIG_FILES, workflow.config_settings.config)))
    check_model_keys(config)
    check_local_files(config)
    if workflow.is_main_process:
        check_text_files(config)
    check_agreement(config)
    check_owners(config)
    SAES = {(sae.model, sae.site, sae.name): sae for sae in catalogue(config)}
    PLANS = papers.plans(config, list(SAES.values()))
except AnatomyError as error:
    raise WorkflowError(f"error: {error}") from None

STORE = config["store"]
RUN = f"results/{config['run']}"
ALL_EXHIBITS = {paper: papers.exhibits(paper) for paper in PLANS}
EXHIBITS = {
    paper: {name: about for name, about in ALL_EXHIBITS[paper].items() if name not in plan.missing}
    for paper, plan in PLANS.items()
}
if workflow.is_main_process:
    for paper, plan in PLANS.items():
        for exhibit, reason in plan.missing.items():
            logger.info(f"{paper}_{exhibit} is left out: {reason}")
# How many GPUs a job that computes on a device asks the scheduler for. `resources: {gpu: N}`, of a profile or
# of the command line, says that there are GPUs, and how many jobs may have one at a time.
OFFERED = workflow.global_resources.get("gpu")
GPU = int(
    config["device"] == "cuda" or (config["device"] == "auto" and bool(OFFERED and OFFERED.value))
)


onstart:
    try:
        hold_store(config)
    except AnatomyError as error:
        raise WorkflowError(f"error: {error}") from None
    record_owner(config)
    # Whatever ends lets Snakemake's limit on submissions look for jobs once a second from then on, for good:
    # hundreds of times a second in the end. Jobs of this machine need no such limit.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


pathvars:
    store=STORE,
    run=RUN,


wildcard_constraints:
    model=any_of(config["models"]),
    dataset=any_of(config["datasets"]),
    harvest=any_of(config["harvests"]),
    site=r"blocks\.\d+\.[a-z_.]+",
    sae=any_of(sorted({sae.name for sae in SAES.values()})),
    split="train|validation",
    paper="|".join(EXHIBITS),
    exhibit="[a-z0-9_]+",


include: "rules/paths.smk"


# The names that people type: everything, one paper, one figure or table.


rule all:
    """Everything: the tables and figures of every paper, what they say of its claims, and the report."""
    input:
        [tables_of(paper) + shown_of(paper) for paper in EXHIBITS],
        claims_of_run(),
        # The rules of what is read come last, and know the others.
        lambda w: rules.report.input,


rule tables:
    """The tables of every paper."""
    input:
        [tables_of(paper) for paper in EXHIBITS],


rule figures:
    """The figures of every paper."""
    input:
        [shown_of(paper) for paper in EXHIBITS],


for paper, exhibits in EXHIBITS.items():

    rule:
        name:
            paper
        input:
            tables_of(paper),
            shown_of(paper),

    for exhibit in exhibits.values():

        rule:
            name:
                f"{paper}_{exhibit.name}"
            input:
                [f"{RUN}/tables/{paper}/{table}.csv" for table in exhibit.tables],
                [f"{RUN}/{file}" for file in exhibit.shown(paper)],


include: "rules/models.smk"
include: "rules/activations.smk"
include: "rules/training.smk"
include: "rules/reconstructions.smk"
include: "rules/regressions.smk"
include: "rules/interventions.smk"
include: "rules/probing.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"


for paper in PLANS:

    include: f"rules/papers/{paper}.smk"


include: "rules/claims.smk"
include: "rules/report_paths.smk"
include: "rules/latents.smk"
include: "rules/cards.smk"
include: "rules/explorer.smk"
include: "rules/report.smk"
include: "rules/audit.smk"
include: "rules/forecast.smk"
