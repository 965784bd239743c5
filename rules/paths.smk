# Where everything lies, as functions of the wildcards or of an SAE of the catalogue.

import platform

from workflow_scripts.papers.canonical_units.plan import COMPARED
from workflow_scripts.anatomy.text.documents import matching_files
from workflow_scripts.anatomy.setup.local_files import is_local, local_files

ANALYSIS_HARVEST = {config["harvests"][h]["model"]: h for h in config["analysis"]["harvests"]}


def tables_of(paper):
    return [f"{RUN}/tables/{paper}/{t}.csv" for row in ROWS[paper].values() for t in row["tables"]]


def figures_of(paper):
    return [f"{RUN}/{file}" for row in ROWS[paper].values() for file in row["files"]]


def drawing_of(paper, row):
    return f"workflow_scripts.papers.{paper}.figures.{ROWS[paper][row]['figure']}:draw"


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


def training_activations(w):
    return f"{STORE}/{w.model}/{sae_block(w)['harvest']}.zarr/manifest.json"


def streams():
    """(model, site, stream) -> the SAEs that are trained together."""
    found = {}
    for sae in SAES.values():
        if sae.stream:
            found.setdefault((sae.model, sae.site, sae.stream), []).append(sae)
    return found


def sae_path(sae, file):
    return f"{STORE}/{sae.model}/{sae.site}/{sae.name}/{file}"


def codes_path(sae, kind="codes"):
    return sae_path(sae, f"{ANALYSIS_HARVEST[sae.model]}.{kind}.zarr/manifest.json")


def scores_path(sae, codes="codes", file="scores.csv"):
    return f"{RUN}/regressions/{sae.model}/{sae.site}/{sae.name}/{codes}/{file}"


def losses_path(sae):
    return f"{RUN}/interventions/{sae.model}/{sae.site}/losses.npz"


def of_reference_width():
    return [sae for sae in DARK_PLAN.main if sae.width == DARK_PLAN.reference.width]


def split_saes(w):
    """The SAEs of a site whose errors figure 8 of the dark-matter paper takes apart."""
    if "fig8" not in ROWS["dark_matter"]:
        return []
    shown = {sae.name: sae for sae in [*DARK_PLAN.scaling, *of_reference_width()]}
    return [sae for sae in shown.values() if (sae.model, sae.site) == (w.model, w.site)]


def measured_saes(w):
    """The SAEs of a site whose losses are wanted: table 2 of the canonical-units paper has them all."""
    if "table2" not in ROWS["canonical_units"]:
        return split_saes(w)
    return [sae for sae in SAES.values() if (sae.model, sae.site) == (w.model, w.site)]


def error_sae_block(component, seed):
    """The SAE of section 5.2 as `train_sae` wants it."""
    block = config["dark_matter"]["error_saes"]
    return {
        "name": f"{component}-s{seed}",
        "group": "error_saes",
        "kind": "trained",
        "model": config["dark_matter"]["main"]["model"],
        "site": config["dark_matter"]["main"]["site"],
        "architecture": "topk",
        "width": block["width"],
        "nominal_l0": block["k"],
        "seed": seed,
        "k": block["k"],
        "training": block["training"],
        "harvest": block["harvest"],
    }


def error_sae_activations():
    block = config["dark_matter"]
    return f"{STORE}/{block['main']['model']}/{block['error_saes']['harvest']}.zarr/manifest.json"


def text_files(w):
    block = config["datasets"][w.dataset]
    return matching_files(block["paths"], w.dataset) if block["kind"] == "text_files" else []


def python_version(w):
    """The standard library's text is that of the Python that runs; nothing else depends on it."""
    return (
        platform.python_version()
        if config["datasets"][w.dataset]["kind"] == "python_stdlib"
        else ""
    )


def local_model_files(w):
    path = config["models"][w.model]["path"]
    return local_files(path, ("*.json", "*.safetensors")) if is_local(path) else []


def local_sae_files(w):
    sae = sae_block(w)
    return local_files(sae["path"], ("*.json", "*.safetensors")) if sae["kind"] == "local" else []


def all_stores():
    """The manifest of every store that this run reads."""
    trained = [sae for sae in SAES.values() if sae.kind == "trained"]
    return [
        *(activations_path(model) for model in ANALYSIS_HARVEST),
        *sorted({f"{STORE}/{s.model}/{s.block()['harvest']}.zarr/manifest.json" for s in trained}),
        *(codes_path(sae) for sae in SAES.values()),
        *(codes_path(sae, "pursuit") for sae in DARK_PLAN.scaling if "fig1" in ROWS["dark_matter"]),
        *(scores_path(sae, file="norms.zarr/manifest.json") for sae in DARK_PLAN.judged),
        *(f"{path}/codes.zarr/manifest.json" for path in ERROR_SAES),
    ]


def stitching(row):
    return CANON_PLAN.stitchings[row]


def stitching_memory(row, files):
    """Decoders, twice, and float64 sums for every group of contexts and latent, three times; in MB."""
    width = max(sae.width for sae in stitching(row).saes)
    return 2500 + width // 100 + 2 * int(files.size_mb)


def comparison(row):
    """The block of the configuration that a figure about architectures is of."""
    return config["canonical_units"][COMPARED[row][0]]
