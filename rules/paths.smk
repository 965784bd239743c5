# Where everything lies, as functions of the wildcards or of an SAE of the catalogue.

import platform
from pathlib import Path

from workflow_scripts.anatomy.probing.labelled_texts import labelled_files
from workflow_scripts.anatomy.report.page.collected import title_of
from workflow_scripts.anatomy.setup.fingerprints import fingerprint
from workflow_scripts.anatomy.setup.local_files import (
    MODEL_FILES,
    SAE_FILES,
    files_of_dataset,
    is_local,
    local_files,
)
from workflow_scripts.anatomy.setup.names import any_of
from workflow_scripts.anatomy.setup.plan import BRIEF, Effects
from workflow_scripts.anatomy.text.documents import matching_files

# What runs the blocks of a regression decides nothing that is measured, and makes nothing stale.
ANALYSIS = {key: value for key, value in config["analysis"].items() if key != "dask"}
ANALYSIS_HARVEST = {config["harvests"][h]["model"]: h for h in config["analysis"]["harvests"]}


def tables_of(paper):
    return [f"{RUN}/tables/{paper}/{t}.csv" for e in EXHIBITS[paper].values() for t in e.tables]


def draws_of(paper):
    return [f"{RUN}/tables/{paper}/{e.name}.draws.npz" for e in EXHIBITS[paper].values() if e.draws]


def shown_of(paper):
    return [f"{RUN}/{file}" for e in EXHIBITS[paper].values() for file in e.shown(paper)]


TITLES = papers.titles(PLANS)


def labels_of(kind):
    """How an exhibit is listed in the report that Snakemake makes."""
    return lambda w: {"exhibit": title_of(w.exhibit), "file": w.exhibit, "format": kind}


def tabulated_exhibit(output):
    """The paper and the exhibit that a table is named after."""
    table = Path(output[0])
    paper = table.parent.name
    return paper, ALL_EXHIBITS[paper][table.stem]


def claims_of_run():
    return [f"{RUN}/claims.csv"] if papers.claiming(PLANS) else []


def training_tokens(split):
    def path(w):
        return f"{STORE}/{w.model}/tokens/{config['models'][w.model]['dataset']}.{split}.npz"

    return path


def harvest_tokens(w):
    harvest = config["harvests"][w.harvest]
    return f"{STORE}/{w.model}/tokens/{harvest['dataset']}.{harvest['split']}.npz"


def activations_path(model):
    return f"{STORE}/{model}/{ANALYSIS_HARVEST[model]}.zarr/manifest.json"


def analysis_activations(w):
    return activations_path(w.model)


def sae_block(w):
    return SAES[w.model, w.site, w.sae].block()


def imported_block(w):
    """What an imported SAE is made of: what is said of its L0 is no part of it, and may be corrected."""
    block = sae_block(w)
    stated = ("nominal_l0",) if block["kind"] == "local" else ()
    return {key: value for key, value in block.items() if key not in stated}


def training_activations(w):
    return f"{STORE}/{w.model}/{sae_block(w)['harvest']}.zarr/manifest.json"


def sae_threads(width):
    """Of a small SAE, a training step is too short to be shared."""
    return 1 if width <= 4096 else config["threads"]


def decoders_memory(files):
    """Decoders, twice, and float64 sums for every group of documents and latent, three times; in MB."""
    width = max(s.width for s in SAES.values() if sae_path(s, "sae.safetensors") in files)
    return 2500 + width // 100 + 2 * int(files.size_mb)


def sae_path(sae, file):
    return f"{STORE}/{sae.model}/{sae.site}/{sae.name}/{file}"


def codes_path(sae, kind="codes"):
    return sae_path(sae, f"{ANALYSIS_HARVEST[sae.model]}.{kind}.zarr/manifest.json")


def scores_path(sae, codes="codes", file="scores.csv"):
    return f"{RUN}/regressions/{sae.model}/{sae.site}/{sae.name}/{codes}/{file}"


def meta_path(name, file):
    """Where the meta-SAE of a name has its files: sae.safetensors, training_curve.csv."""
    return f"{RUN}/meta_saes/{name}/{file}"


def draws_path(sae, codes="codes"):
    return scores_path(sae, codes, "scores.draws.npz")


def meta_main(meta):
    """The meta-SAE whose directions another one keeps or replaces, in a list; none where it has its own."""
    return [] if meta.decoder == "trained" else [meta_path(f"main-s{meta.seed}", "sae.safetensors")]


def meta_nearest(meta):
    """The SAE and the codes that directions of a meta-SAE are replaced from, where they are."""
    sae = meta.nearest
    return [sae_path(sae, "sae.safetensors"), codes_path(sae)] if sae else []


def meta_files(file, metas):
    return [meta_path(meta.name, file) for meta in metas]


def losses_path(sae):
    return f"{RUN}/interventions/{sae.model}/{sae.site}/losses.npz"


def asked_of_stages(role):
    """The SAEs that the papers' plans want to be `decomposed`, `components_substituted`, each once."""
    saes = [sae for plan in PLANS.values() for sae in getattr(plan, role)]
    return list({(sae.model, sae.site, sae.name): sae for sae in saes}.values())


def at_site(saes, w):
    return [sae for sae in saes if (sae.model, sae.site) == (w.model, w.site)]


# What a run is given: its times are overlooked, and rules have its fingerprint among their parameters.


def text_files(w):
    block = config["datasets"][w.dataset]
    if block["kind"] == "text_files":
        return ancient_files(matching_files(block["paths"], w.dataset))
    return ancient_files(files_of_dataset(block))


def ancient_files(files):
    return [ancient(str(file)) for file in files]


def python_version(w):
    """The standard library's text is that of the Python that runs; nothing else depends on it."""
    return (
        platform.python_version()
        if config["datasets"][w.dataset]["kind"] == "python_stdlib"
        else ""
    )


def local_model_files(w):
    path = config["models"][w.model]["path"]
    return ancient_files(local_files(path, MODEL_FILES) if is_local(path) else [])


def local_sae_files(w):
    sae = sae_block(w)
    return ancient_files(local_files(sae["path"], SAE_FILES) if sae["kind"] == "local" else [])


LABELLED = config["labelled"]


def labelled_text_files(w):
    block = LABELLED[w.labelled]
    if block["kind"] == "text_files":
        return ancient_files(labelled_files(block, w.labelled))
    return ancient_files(files_of_dataset(block))


def fingerprint_of(files):
    """As a parameter: the fingerprint of what an input function names."""
    return lambda w: fingerprint(files(w))


def analysis_text(w, pattern):
    """A file of the documents or tokens that a model's analysis harvest is of."""
    harvest = config["harvests"][ANALYSIS_HARVEST[w.model]]
    return pattern.format(store=STORE, **harvest)


def probed_at(w):
    """The SAEs of a site that are probed on a labelled entry, each once."""
    asked = [sae for plan in PLANS.values() for sae, name in plan.probed if name == w.labelled]
    return list({sae.name: sae for sae in at_site(asked, w)}.values())


def probing_path(sae, name):
    """Sparse probes of an SAE on a labelled entry, and what ablating its latents does."""
    return f"{RUN}/probing/{sae.model}/{sae.site}/{sae.name}/{name}.npz"


def dense_path(sae, name):
    """Probes on the activations that an SAE is of."""
    return f"{RUN}/probing/{sae.model}/{sae.site}/{name}.dense.npz"


# The manifests of the stores that a paper alone has; its rules add theirs.
PAPER_STORES = []
# (model, site, SAE) -> the table of explanations of its latents; rules of papers add those that they make.
EXPLAINED = {}
# (model, site, SAE) -> the meta-SAE whose meta-latents its latents are made of.
META_LATENTS = {}
# Tables of what stitching says of latents.
STITCHED = []
# Tables of what probes of the norm of Sae(x) say of latents.
NORM_PROBED = []


def all_stores():
    """The manifest of every store that this run reads."""
    trained = [sae for sae in SAES.values() if sae.kind == "trained"]
    return [
        *(activations_path(model) for model in ANALYSIS_HARVEST),
        *sorted({f"{STORE}/{s.model}/{s.block()['harvest']}.zarr/manifest.json" for s in trained}),
        *(codes_path(sae) for sae in SAES.values()),
        *(scores_path(sae, file="norms.zarr/manifest.json") for sae in DECOMPOSED),
        *(effects_path(one) for one in EFFECTS),
        *PAPER_STORES,
    ]


# Which SAEs are taken apart: those that the papers ask for, and all where none does.
DECOMPOSED = asked_of_stages("decomposed") or list(SAES.values())

# What perturbations are measured: those that the papers ask for, and where none does Sae(x) of all SAEs beside
# random errors of its size, at the tokens that losses are of.
EFFECTS = [one for plan in PLANS.values() for one in plan.effects] or [
    Effects(
        sae,
        "sae",
        BRIEF,
        contexts=config["interventions"]["contexts"],
        first=config["harvests"][ANALYSIS_HARVEST[sae.model]]["min_position"],
    )
    for sae in SAES.values()
]
EFFECTS_BY_KEY = {one.key: one for one in EFFECTS}


def effects_path(one):
    return f"{RUN}/effects/{'/'.join(one.key)}.zarr/manifest.json"


def effects_at(w):
    return EFFECTS_BY_KEY[w.model, w.site, w.sae, w.subject]
