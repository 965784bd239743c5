# The cards of the run's SAEs, and the index of them all.

from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.setup.catalogue import trained_alike
from workflow_scripts.papers import PAPERS

# Of papers that this run has no block for too: a card says what it would need.
CARD_QUANTITIES = papers.card_quantities(PAPERS)
CARD_LOOKS = f"{workflow.basedir}/workflow_scripts/anatomy/report/templates"

# Tables with a histogram or a curve of every SAE, which are no quantities.
CARD_CURVES = ("densities", "training_curves")


def cards_of_run(kind):
    """The cards of all SAEs of the run, of a kind: html, md or json."""
    return [f"{RUN}/report/cards/{slug(*key)}.{kind}" for key in SAES]


def tables_of_cards():
    """The tables that have what cards say, of those that this run has, each once."""
    wanted = {(q["paper"], name) for q in CARD_QUANTITIES for name in tables_of_quantity(q)}
    return [
        f"{RUN}/tables/{paper}/{table}.csv"
        for paper, exhibits in EXHIBITS.items()
        for about in exhibits.values()
        for table in about.tables
        if (paper, table) in wanted or table in CARD_CURVES
    ]


def tables_of_quantity(quantity):
    return [s[key] for s in quantity["sources"] for key in ("table", "among") if s[key]]


def draws_of_cards():
    """The draws beside these tables, where they have any."""
    tables = set(tables_of_cards())
    beside = {paper: draws_of(paper) for paper in EXHIBITS}
    return [
        draws
        for paper in beside
        for draws in beside[paper]
        if draws.replace(".draws.npz", ".csv") in tables
    ]


def why_tables_are_missing():
    """Paper -> table -> why this run has no such, of the papers that it has a block for."""
    return {
        paper: {
            table: reason
            for exhibit, reason in plan.missing.items()
            for table in ALL_EXHIBITS[paper][exhibit].tables
        }
        for paper, plan in PLANS.items()
    }


rule write_cards:
    """A card for every SAE of the run, as a page, as Markdown and as JSON, and the index of them all."""
    input:
        saes=[sae_path(sae, "sae.safetensors") for sae in SAES.values()],
        models=[f"{STORE}/{sae.model}/model.json" for sae in SAES.values()],
        latents=[f"{RUN}/latents/{m}/{site}/{name}/latents.csv" for m, site, name in SAES],
        tables=tables_of_cards(),
        draws=draws_of_cards(),
    output:
        index="<run>/saes.csv",
        pages=cards_of_run("html"),
        readmes=cards_of_run("md"),
        data=cards_of_run("json"),
    log:
        "<run>/logs/cards.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("write_cards.py"),
        quantities=CARD_QUANTITIES,
        # A clone newer than its results remakes nothing: not the times of these files count.
        looks=[digest_of_file(f"{CARD_LOOKS}/card.{kind}") for kind in ("html.j2", "css")],
        saes=[sae.block() for sae in SAES.values()],
        alike=trained_alike(list(SAES.values())),
        judged_on=[ANALYSIS_HARVEST[sae.model] for sae in SAES.values()],
        missing=why_tables_are_missing(),
        method={
            "run": config["run"],
            **{
                name: config[name]
                for name in ("models", "datasets", "harvests", "analysis", "seed")
            },
            "contexts": config["interventions"]["contexts"],
        },
    script:
        "../workflow_scripts/write_cards.py"


rule cards:
    """The cards of all SAEs, and saes.csv."""
    input:
        f"{RUN}/saes.csv",
        cards_of_run("html"),
        cards_of_run("md"),
        cards_of_run("json"),
