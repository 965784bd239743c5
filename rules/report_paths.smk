# What is read by a person is made from: as functions of the wildcards, or of an SAE of the catalogue.

from dataclasses import asdict
from snakemake.io import regex_from_filepattern
from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.report.shards.page import TEMPLATE, asset_files
from workflow_scripts.anatomy.setup.catalogue import trained_alike
from workflow_scripts.papers import PAPERS


def others_at(w):
    """The other SAEs of a site, among which an SAE's nearest latents are looked for."""
    return [sae for sae in at_site(SAES.values(), w) if sae.name != w.sae]


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


def draws_beside(tables):
    """The draws beside tables, where they have any."""
    every = [draws for paper in EXHIBITS for draws in draws_of(paper)]
    return [draws for draws in every if draws.replace(".draws.npz", ".csv") in set(tables)]


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


# Which groups of SAEs it shows: all, or those that the configuration names; none without its block.
EXPLORER = config["explorer"]
EXPLORED = [
    sae
    for sae in SAES.values()
    if EXPLORER is not None and (EXPLORER["saes"] is None or sae.group in EXPLORER["saes"])
]
EXPLORED_KEYS = [(sae.model, sae.site, sae.name) for sae in EXPLORED]
EXPLORED_MODELS = list(dict.fromkeys(sae.model for sae in EXPLORED))


def effects_of_sae(sae):
    """The store of what an SAE's reconstruction does to predictions, token by token, where one is asked for."""
    key = (sae.model, sae.site, sae.name, "sae")
    return [effects_path(EFFECTS_BY_KEY[key])] if key in EFFECTS_BY_KEY else []


def norms_of_sae(sae):
    """The store of squared norms of an SAE's errors and of their parts, where they were taken apart."""
    return [scores_path(sae, file="norms.zarr/manifest.json")] if sae in DECOMPOSED else []


# Model -> the SAE whose errors rank its contexts: all SAEs show the same ones. False comes first, and of
# equals the first of the configuration.
RANKED_BY = {
    model: min(
        (sae for sae in EXPLORED if sae.model == model),
        key=lambda sae: (not effects_of_sae(sae), sae not in DECOMPOSED),
    )
    for model in EXPLORED_MODELS
}


def explored(w):
    return SAES[w.model, w.site, w.sae]


def numbers_beside(w):
    """The other SAEs of a site by their numbers in the explorer."""
    return {
        sae.name: number
        for number, sae in enumerate(EXPLORED)
        if (sae.model, sae.site) == (w.model, w.site) and sae.name != w.sae
    }


def of_latents(file):
    return [f"{RUN}/latents/{'/'.join(key)}/{file}" for key in EXPLORED_KEYS]


def of_meta_latents(file):
    return [meta_path(META_LATENTS[key], file) for key in EXPLORED_KEYS if key in META_LATENTS]


def text_of_explorer():
    """What was looked at, a line for each model's harvest."""
    harvests = [config["harvests"][ANALYSIS_HARVEST[model]] for model in EXPLORED_MODELS]
    return [f"{harvest['dataset']}, {harvest['split']} split" for harvest in harvests]


REPORT_LOOKS = [
    f"{workflow.basedir}/workflow_scripts/anatomy/report/{file}"
    for file in ("templates/report.html.j2", "assets/report.css", "assets/report.js")
]


# The exhibits of the run as plain dictionaries, and those that say what was found.
REPORTED = [
    asdict(about)
    | {
        "paper": paper,
        "finding": papers.finding(paper, about),
        "claiming": paper in papers.claiming(EXHIBITS),
    }
    for paper, of in EXHIBITS.items()
    for about in of.values()
]
FOUND = [about for about in REPORTED if about["finding"]]
# The tables that findings are made of, each once.
TABLES_FOUND = list(
    dict.fromkeys(
        f"{RUN}/tables/{about['paper']}/{t}.csv" for about in FOUND for t in about["tables"]
    )
)


def logs_of_rules():
    """Rule -> regular expression of the logs of its jobs."""
    logged = [rule for rule in workflow.rules if len(rule.log)]
    return {rule.name: regex_from_filepattern(str(rule.log[0])) for rule in logged}
