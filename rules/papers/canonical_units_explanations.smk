# Section 5.1: explanations of meta-latents, and what a question shows them to be worth.

EXPLAINED_BY = "workflow_scripts.papers.canonical_units.explanations.explained"
DESCRIBED_BY = "workflow_scripts.papers.canonical_units.meta.described"
# Files of the SAE taken apart; as a function, since rules stay where a run has no meta-SAE.
taken_apart = lambda path, *file: (lambda w: path(CANON_PLAN.meta.taken_apart, *file))
# The same of all SAEs of its site.
at_its_site = lambda path, *file: (
    lambda w: [path(sae, *file) for sae in at_site(SAES.values(), CANON_PLAN.meta.taken_apart)]
)

if META_PLAN:
    apart = (META_PLAN.taken_apart.model, META_PLAN.taken_apart.site, META_PLAN.taken_apart.name)
    META_LATENTS[apart] = META_PLAN.main.name
    # Some of its latents are explained beside its meta-latents.
    EXPLAINED.setdefault(apart, meta_path(META_PLAN.main.name, "explanations.csv"))


rule explain_meta_latents:
    """Explain meta-latents and latents of the SAE taken apart, and test the explanations."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.meta.taken_apart.model),
        sae=taken_apart(sae_path, "sae.safetensors"),
        codes=taken_apart(codes_path),
        meta="<run>/meta_saes/{meta_sae}/sae.safetensors",
        tokenizer=lambda w: f"{STORE}/{CANON_PLAN.meta.taken_apart.model}/tokenizer/tokenizer.json",
    output:
        explanations="<run>/meta_saes/{meta_sae}/explanations.csv",
    log:
        "<run>/logs/meta_saes/{meta_sae}.explanations.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 240 * attempt,
    params:
        code=code_of("explain_meta_latents.py", f"{EXPLAINED_BY}:tabulate"),
        explained_by=EXPLAINED_BY,
        interpretability=config["interpretability"],
        explanations=CANON["explanations"],
        seed=config["seed"],
    script:
        "../../workflow_scripts/explain_meta_latents.py"


rule describe_meta_latents:
    """Every meta-latent of a meta-SAE: which latents have it, how strongly, and what is near."""
    input:
        sae=taken_apart(sae_path, "sae.safetensors"),
        codes=taken_apart(codes_path),
        meta="<run>/meta_saes/{meta_sae}/sae.safetensors",
        explanations="<run>/meta_saes/{meta_sae}/explanations.csv",
        saes=at_its_site(sae_path, "sae.safetensors"),
        codes_of_saes=at_its_site(codes_path),
    output:
        table="<run>/meta_saes/{meta_sae}/meta_latents.csv",
        arrays="<run>/meta_saes/{meta_sae}/meta_latents.npz",
        about="<run>/meta_saes/{meta_sae}/meta_latents.json",
    log:
        "<run>/logs/meta_saes/{meta_sae}.described.log",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("describe_meta_latents.py", f"{DESCRIBED_BY}:describe"),
        described_by=DESCRIBED_BY,
    script:
        "../../workflow_scripts/describe_meta_latents.py"


use rule tabulate as tabulate_explanations with:
    """What the tables about explanations of meta-latents have in common."""
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        explanations=CANON["explanations"],
        seed=config["seed"],


use rule tabulate_explanations as tabulate_canonical_units_table1 with:
    """Table 1: latents and the explanations of their meta-latents."""
    input:
        sae=taken_apart(sae_path, "sae.safetensors"),
        codes=taken_apart(codes_path),
        meta=lambda w: meta_path(CANON_PLAN.meta.main.name, "sae.safetensors"),
        explanations=lambda w: meta_path(CANON_PLAN.meta.main.name, "explanations.csv"),
    pathvars:
        exhibit="canonical_units/table1",


use rule tabulate_explanations as tabulate_canonical_units_fig1 with:
    """Figure 1: the decomposition of one latent as a graph, its edges and its nodes."""
    input:
        sae=taken_apart(sae_path, "sae.safetensors"),
        codes=taken_apart(codes_path),
        meta=lambda w: meta_path(CANON_PLAN.meta.main.name, "sae.safetensors"),
        explanations=lambda w: meta_path(CANON_PLAN.meta.main.name, "explanations.csv"),
    output:
        table="<run>/tables/<exhibit>.csv",
        nodes="<run>/tables/<exhibit>_nodes.csv",
    pathvars:
        exhibit="canonical_units/fig1",


use rule tabulate_explanations as tabulate_canonical_units_mcq with:
    """Section 5.1: questions answered with the explanations of meta-latents, and scores of these."""
    input:
        activations=lambda w: activations_path(CANON_PLAN.meta.taken_apart.model),
        sae=taken_apart(sae_path, "sae.safetensors"),
        codes=taken_apart(codes_path),
        meta=lambda w: meta_path(CANON_PLAN.meta.main.name, "sae.safetensors"),
        explanations=lambda w: meta_path(CANON_PLAN.meta.main.name, "explanations.csv"),
        tokenizer=lambda w: f"{STORE}/{CANON_PLAN.meta.taken_apart.model}/tokenizer/tokenizer.json",
    output:
        table="<run>/tables/<exhibit>.csv",
        shares="<run>/tables/<exhibit>_shares.csv",
        scores="<run>/tables/<exhibit>_scores.csv",
    pathvars:
        exhibit="canonical_units/mcq",
    group:
        "long_tables"
    resources:
        mem_mb=lambda w, input, attempt: attempt * decoders_memory(input),
        runtime=lambda w, attempt: 240 * attempt,
    params:
        interpretability=config["interpretability"],
