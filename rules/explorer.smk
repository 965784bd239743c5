# The explorer: a page that shows every latent, and its data in one folder.

from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.report.shards.page import TEMPLATE, asset_files

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
    path = f"{RUN}/effects/{sae.model}/{sae.site}/{sae.name}/sae.zarr/manifest.json"
    return [path] if path in PAPER_STORES else []


def norms_of_sae(sae):
    """The store of squared norms of an SAE's errors and of their parts, where they were taken apart."""
    return [scores_path(sae, file="norms.zarr/manifest.json")] if sae in DECOMPOSED else []


def ranked_by(model):
    """The SAE whose errors rank the contexts of a model: all SAEs show the same ones."""
    own = [sae for sae in EXPLORED if sae.model == model]
    # False comes first, and of equals the first of the configuration.
    return min(own, key=lambda sae: (not effects_of_sae(sae), sae not in DECOMPOSED))


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


def text_of_explorer():
    """What was looked at, a line for each model's harvest."""
    harvests = [config["harvests"][ANALYSIS_HARVEST[model]] for model in EXPLORED_MODELS]
    return [f"{harvest['dataset']}, {harvest['split']} split" for harvest in harvests]


rule write_explorer_sae:
    """The explorer's data of one SAE: its latents in blocks, and what it does at a few contexts."""
    input:
        table="<run>/latents/{model}/{site}/{sae}/latents.csv",
        latents="<run>/latents/{model}/{site}/{sae}/latents.npz",
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        codes=lambda w: codes_path(explored(w)),
        norms=lambda w: norms_of_sae(explored(w)),
        effects=lambda w: effects_of_sae(explored(w)),
        reference=lambda w: codes_path(ranked_by(w.model)),
        measured=lambda w: effects_of_sae(ranked_by(w.model)),
        explained=lambda w: EXPLAINED.get((w.model, w.site, w.sae), []),
    output:
        about="<run>/explorer/{model}/{site}/{sae}/sae.json",
    log:
        "<run>/logs/explorer/{model}/{site}/{sae}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * 2000,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("write_explorer_sae.py"),
        slug=lambda w: slug(w.model, w.site, w.sae),
        numbers=numbers_beside,
        samples=EXPLORER and EXPLORER["samples"],
        backend=config["interpretability"]["backend"],
    script:
        "../workflow_scripts/write_explorer_sae.py"


rule write_explorer:
    """The explorer: a page, what it loads, and the data of the run in one folder within a budget."""
    input:
        saes=[f"{RUN}/explorer/{'/'.join(key)}/sae.json" for key in EXPLORED_KEYS],
        tables=of_latents("latents.csv"),
        latents=of_latents("latents.npz"),
        cards=[f"{RUN}/report/cards/{slug(*key)}.json" for key in EXPLORED_KEYS],
        models=[f"{STORE}/{model}/model.json" for model in EXPLORED_MODELS],
        tokenizers=[f"{STORE}/{model}/tokenizer/tokenizer.json" for model in EXPLORED_MODELS],
        activations=[activations_path(model) for model in EXPLORED_MODELS],
        explained=[EXPLAINED[key] for key in EXPLORED_KEYS if key in EXPLAINED],
        findings="<run>/report/findings.json",
        claims=claims_of_run(),
    output:
        page="<run>/report/explorer.html",
        data=directory("<run>/report/data"),
        assets=[f"<run>/report/assets/{file.name}" for file in asset_files()],
    log:
        "<run>/logs/explorer/page.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * 3000,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("write_explorer.py"),
        looks=[digest_of_file(file) for file in (TEMPLATE, *asset_files())],
        run=config["run"],
        text=text_of_explorer(),
        models=EXPLORED_MODELS,
        settings=EXPLORER,
        explained=[number for number, key in enumerate(EXPLORED_KEYS) if key in EXPLAINED],
        backend=config["interpretability"]["backend"],
    script:
        "../workflow_scripts/write_explorer.py"


rule explorer:
    """A page of every latent of the run, which opens from a disk."""
    input:
        (
            [
                rules.write_explorer.output.page,
                rules.write_explorer.output.data,
                rules.write_explorer.output.assets,
            ]
            if EXPLORED
            else []
        ),
