"""What a job has to do, rule by rule, in seconds of one core of a laptop; what it writes and holds.

A job takes `fixed` seconds, whatever its size, and `scaled` ones, which go with its operations and
bytes. The rates are those of two cores of a laptop, by one profile of the default run, at two jobs at a
time; `calibration` puts those of the machine at hand in their place.
"""

from collections.abc import Callable, Iterable
from typing import Any

from workflow_scripts.anatomy.launch.forecast.laptop import (
    STORE_S_PER_BYTE,
    Work,
    products,
)
from workflow_scripts.anatomy.launch.forecast.models import Sizes
from workflow_scripts.anatomy.launch.forecast.planned import Job

# Beside its products a training step of an SAE has a share that does not go with its width: per token.
SAE_S_PER_TOKEN = 4.2e-6
# Products of an SAE's training step beside those of TopK, which decodes and derives what is active.
SAE_PRODUCTS = {"topk": 1.0, "batchtopk": 1.0, "standard": 1.6, "jumprelu": 2.3}
SAE_FLOPS = 6
LM_FLOPS = 6  # Kaplan et al. 2020, Eq. 2.1 and C
FLOAT = 4
# Of a latent that is active, its number, its value and what compression leaves of them; of every token
# its errors and norms.
BYTES_PER_ACTIVE, BYTES_PER_TOKEN = 6, 14
ACTIVE = 12  # where nothing says how many are
TABLE_S_PER_BYTE = 4e-9
READ_MB, MOST_READ_MB = 80, 1500  # large stores are read in parts


def work(job: Job, sizes: Sizes, written: Callable[[Iterable[str]], float]) -> Work:
    """What a job does. written: bytes of the files among some that other jobs of the run write.

    A rule that nothing is known of does what others of its kind do: draws, tabulates, or reads.
    """
    read = written(job.input)
    if job.rule in RULES:
        try:
            return RULES[job.rule](job, sizes, read)
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # a block that the rule no longer has, or says in another way
    held = READ_MB + min(read / 2**20, MOST_READ_MB)
    if job.rule == "draw_figure":
        return Work(1.1, written=120e3, own_mb=50)
    if job.rule == "render_table":
        return Work(0.3, written=5e3, own_mb=20)
    if job.rule.startswith("tabulate"):
        return Work(0.9, read * TABLE_S_PER_BYTE, written=150e3, own_mb=held)
    return Work(0.9, read * TABLE_S_PER_BYTE, written=300e3, own_mb=held)


def _documents(job: Job, sizes: Sizes, read: float) -> Work:
    """Local files are read, the standard library has 20 MB, and documents of the hub 4 kB each."""
    block = job.params["dataset"]
    text = read or (4e3 * block["documents"] if block.get("documents") else 20e6)
    return Work(0.5, text * 1.3e-7, written=text)


def _tokenizer(job: Job, sizes: Sizes, read: float) -> Work:
    return Work(0.5, read * 3e-7, written=130e3, own_mb=100)


def _tokens(job: Job, sizes: Sizes, read: float) -> Work:
    return Work(0.4, read * 1.8e-7, written=0.75 * read, own_mb=60 + 3 * read / 2**20)


def _language_model(job: Job, sizes: Sizes, read: float) -> Work:
    block, model = job.params["model"], sizes.model(job.wildcards["model"])
    passes = model.forward(block["training"]["tokens"], block["context_length"])
    activations = block["training"]["batch_size"] * block["context_length"] * model.width
    held = model.parameters * FLOAT * 4 + activations * model.layers * 34 * FLOAT
    return Work(
        2.0,
        **products(LM_FLOPS / 2 * passes),
        parallel=True,
        written=model.parameters * FLOAT,
        own_mb=150 + held / 2**20,
    )


def _import_model(job: Job, sizes: Sizes, read: float) -> Work:
    held = sizes.model(job.wildcards["model"]).parameters * 2
    return Work(10.0, held * 2e-9, written=5e3, own_mb=500)


def _harvest(job: Job, sizes: Sizes, read: float) -> Work:
    block = job.params["harvest"]
    tokens = block["contexts"] * block["context_length"]
    model = sizes.model(block["model"])
    wide = sum(sizes.dimensions(block["model"], site) for site in block["hook_points"])
    precise = FLOAT if job.params.get("dtype") in (None, "float32") else 2
    stored = tokens * wide * precise
    return Work(
        0.8,
        **products(model.forward(tokens, block["context_length"]), stored * STORE_S_PER_BYTE),
        parallel=True,
        written=stored,
        own_mb=200 + model.parameters * precise / 2**20,
    )


def _trained_sae(job: Job, sizes: Sizes, read: float) -> Work:
    sae = job.params["sae"]
    training = sae["training"]
    rates = training["learning_rate"]
    tokens = training["tokens"] * (len(rates) if isinstance(rates, list) else 1)
    parameters = sizes.dimensions(sae["model"], sae["site"]) * sae["width"]
    flops = SAE_FLOPS * SAE_PRODUCTS.get(sae["architecture"], 2.0) * tokens * parameters
    held = parameters * 2 * FLOAT * 4 * (len(rates) if isinstance(rates, list) else 1)
    return Work(
        0.4,
        **products(flops, SAE_S_PER_TOKEN * tokens),
        parallel=True,
        written=4 * parameters * FLOAT,
        own_mb=270 + held / 2**20,
    )


def _imported_sae(job: Job, sizes: Sizes, read: float) -> Work:
    place = job.wildcards
    width = job.params["sae"].get("width") or 16384
    stored = 2 * width * sizes.dimensions(place["model"], place["site"]) * FLOAT
    return Work(3.0, stored * 2e-9, written=stored, own_mb=200 + 3 * stored / 2**20)


def _codes(job: Job, sizes: Sizes, read: float) -> Work:
    return _encoded(job, sizes, 2.4, 0.3)


def _pursuit(job: Job, sizes: Sizes, read: float) -> Work:
    return _encoded(job, sizes, 4 * _active(sizes.sae(job)), 0.5)


def _active(sae: dict[str, Any]) -> float:
    return sae.get("k") or sae.get("nominal_l0") or ACTIVE


def _encoded(job: Job, sizes: Sizes, flops: float, fixed: float) -> Work:
    """Codes of a whole harvest, by some operations a weight and token."""
    place, sae = job.wildcards, sizes.sae(job)
    tokens, wide = (
        sizes.tokens(place.get("harvest")),
        sizes.dimensions(place["model"], place["site"]),
    )
    width = sae.get("width") or 16384
    read = tokens * wide * FLOAT
    return Work(
        fixed,
        **products(flops * tokens * wide * width, read * STORE_S_PER_BYTE),
        written=tokens * (_active(sae) * BYTES_PER_ACTIVE + BYTES_PER_TOKEN),
        own_mb=150 + 3 * wide * width * FLOAT / 2**20,
    )


def _moments(job: Job, sizes: Sizes, read: float) -> Work:
    model = job.wildcards["model"]
    tokens, _ = sizes.analysed(model)
    wide = sizes.dimensions(model, job.wildcards["site"])
    flops = 2 * tokens * wide**2
    # X'X, and one of each group of documents.
    return Work(
        0.4,
        **products(flops, tokens * wide * FLOAT * STORE_S_PER_BYTE),
        parallel=True,
        written=257 * wide**2 * FLOAT,
        own_mb=200 + 3 * 257 * wide**2 * 8 / 2**20,
    )


def _decomposed(job: Job, sizes: Sizes, read: float) -> Work:
    model = job.wildcards["model"]
    tokens, _ = sizes.analysed(model)
    wide = sizes.dimensions(model, job.wildcards["site"])
    flops = 8 * tokens * wide**2 + 300 * wide**3
    return Work(
        0.5,
        **products(flops, 2 * tokens * wide * FLOAT * STORE_S_PER_BYTE),
        written=3 * wide**2 * FLOAT + tokens * 24 + 100e3,
        own_mb=250 + 300 * wide**2 * 8 / 2**20,
    )


def _losses(job: Job, sizes: Sizes, read: float) -> Work:
    model = job.wildcards["model"]
    _, context = sizes.analysed(model)
    saes = sum(file.endswith("sae.safetensors") for file in job.input)
    passes = 3 + saes + 3 * len(job.params["in_parts"])
    return _passes(sizes, model, job.params["contexts"] * context, context, passes)


def _effects(job: Job, sizes: Sizes, read: float) -> Work:
    model = job.wildcards["model"]
    _, context = sizes.analysed(model)
    contexts = job.params["contexts"] or 128
    passes = 4 if job.params.get("subject") != "sweep" else 14
    return _passes(sizes, model, contexts * context, context, passes)


def _passes(sizes: Sizes, model: str, tokens: int, context: int, passes: float) -> Work:
    size = sizes.model(model)
    return Work(
        0.5,
        **products(passes * size.forward(tokens, context)),
        parallel=True,
        written=350e3 + tokens * passes * FLOAT,
        own_mb=150 + size.parameters * FLOAT / 2**20,
    )


def _meta_sae(job: Job, sizes: Sizes, read: float) -> Work:
    meta = job.params["meta"]
    tried = len(meta["learning_rates"]) * max(1, len(meta.get("coefficients") or []))
    place = (meta["model"], meta["site"], meta["sae"])
    rows = sizes.saes.get(place, {}).get("width") or 1024
    wide = sizes.dimensions(meta["model"], meta["site"])
    steps = (meta.get("training") or {}).get("steps") or 1000
    flops = SAE_FLOPS * tried * steps * rows * wide * meta["width"]
    return Work(
        0.5, **products(flops, 1.2e-3 * steps * tried), written=2 * wide * meta["width"] * FLOAT
    )


def _latents(job: Job, sizes: Sizes, read: float) -> Work:
    model, sae = job.wildcards["model"], sizes.sae(job)
    tokens, _ = sizes.analysed(model)
    wide = sizes.dimensions(model, job.wildcards["site"])
    width = sae.get("width") or 16384
    neighbours = sum(file.endswith("sae.safetensors") for file in job.input)
    flops = 2 * width**2 * wide * neighbours
    return Work(
        0.6,
        **products(flops, tokens * 5e-6 + width * 2e-3),
        written=width * 700,
        own_mb=150 + 3 * width * wide * FLOAT / 2**20,
    )


def _explored(job: Job, sizes: Sizes, read: float) -> Work:
    width = sizes.sae(job).get("width") or 16384
    return Work(0.4, width * 1e-3, written=width * 1500, own_mb=100)


def _explorer(job: Job, sizes: Sizes, read: float) -> Work:
    budget = (job.params.get("settings") or {}).get("budget_mb") or 22
    return Work(1.0, read * 2e-8, written=min(budget * 1e6, 1e6 + read), own_mb=200)


def _report(job: Job, sizes: Sizes, read: float) -> Work:
    return Work(4.0, written=3e6, own_mb=80)


# Where nothing can be said of a job's size but that of what it reads, its rule has no line here.
RULES: dict[str, Callable[[Job, Sizes, float], Work]] = {
    "collect_documents": _documents,
    "train_tokenizer": _tokenizer,
    "tokenize_documents": _tokens,
    "train_language_model": _language_model,
    "import_model": _import_model,
    "harvest_activations": _harvest,
    "train_sae": _trained_sae,
    "train_error_sae": _trained_sae,
    "import_sae": _imported_sae,
    "reconstruct_activations": _codes,
    "pursue_activations": _pursuit,
    "gather_site_moments": _moments,
    "decompose_error": _decomposed,
    "measure_losses": _losses,
    "measure_effects": _effects,
    "train_meta_sae": _meta_sae,
    "describe_latents": _latents,
    "write_explorer_sae": _explored,
    "write_explorer": _explorer,
    "write_report": _report,
}
