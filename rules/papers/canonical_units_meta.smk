# Section 5 of the canonical-units paper: SAEs trained on the decoder directions of an SAE.

META_PLAN = CANON_PLAN.meta
TRAINED_BY = "workflow_scripts.papers.canonical_units.meta.trained"
META_SAES = {meta.name: meta for meta in META_PLAN.trained} if META_PLAN else {}


rule train_meta_sae:
    """Train a meta-SAE on the decoder directions of an SAE, or on a control for these (section 5)."""
    input:
        sae=lambda w: sae_path(META_SAES[w.meta].sae, "sae.safetensors"),
        codes=lambda w: codes_path(META_SAES[w.meta].sae),
        counted=lambda w: [codes_path(sae) for sae in META_SAES[w.meta].no_more_than],
        main=lambda w: meta_main(META_SAES[w.meta]),
        nearest=lambda w: meta_nearest(META_SAES[w.meta]),
    output:
        sae="<run>/meta_saes/{meta}/sae.safetensors",
        sae_lens="<run>/meta_saes/{meta}/sae_lens/cfg.json",
        curve="<run>/meta_saes/{meta}/training_curve.csv",
    log:
        "<run>/logs/meta_saes/{meta}.log",
    wildcard_constraints:
        meta="|".join(META_SAES) or "(?!)",
    conda:
        "../../envs/environment.yaml"
    threads: lambda w: sae_threads(META_SAES[w.meta].width)
    resources:
        mem_mb=lambda w, input, attempt: attempt * (2500 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: attempt * (30 + CANON["meta"]["training"]["steps"] // 100),
        gpu=GPU,
    params:
        code=code_of("train_meta_sae.py", f"{TRAINED_BY}:train"),
        trained_by=TRAINED_BY,
        meta=lambda w: META_PLAN.blocks(META_SAES[w.meta])[0],
        device=config["device"],
        threads=lambda w: sae_threads(META_SAES[w.meta].width),
    script:
        "../../workflow_scripts/train_meta_sae.py"


use rule tabulate as tabulate_meta_saes with:
    """What the tables of meta-SAEs have in common: which these are, and the resamples."""
    resources:
        mem_mb=lambda w, input, attempt: attempt * (3000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        bootstrap=config["analysis"]["bootstrap"],
        seed=config["seed"],


use rule tabulate_meta_saes as tabulate_canonical_units_meta_sae with:
    """Section 5: variance of the decoder directions explained by meta-SAEs, and their training curves."""
    input:
        meta_saes=lambda w: meta_files("sae.safetensors", META_PLAN.but("replaced")),
        curves=lambda w: meta_files("training_curve.csv", META_PLAN.but("replaced")),
        saes=lambda w: [sae_path(sae, "sae.safetensors") for sae in META_PLAN.family],
        codes=lambda w: [codes_path(sae) for sae in META_PLAN.family],
    output:
        table="<run>/tables/<exhibit>.csv",
        final="<run>/tables/<exhibit>_final.csv",
    pathvars:
        exhibit="canonical_units/meta_sae",
    params:
        metas=lambda w: META_PLAN.blocks(*META_PLAN.but("replaced")),


use rule tabulate_meta_saes as tabulate_canonical_units_fig6 with:
    """Figure 6: cosines of meta-latents to the latents of SAEs of every size."""
    input:
        meta_saes=lambda w: meta_files("sae.safetensors", META_PLAN.compared),
        saes=lambda w: [sae_path(sae, "sae.safetensors") for sae in META_PLAN.family],
        codes=lambda w: [codes_path(sae) for sae in META_PLAN.family],
    output:
        table="<run>/tables/<exhibit>.csv",
        summary="<run>/tables/<exhibit>_summary.csv",
    pathvars:
        exhibit="canonical_units/fig6",
    params:
        metas=lambda w: META_PLAN.blocks(*META_PLAN.compared),
        threshold=CANON["main"]["threshold"],


use rule tabulate_meta_saes as tabulate_canonical_units_fig23 with:
    """Figure 23: variance explained when the directions of a meta-SAE are replaced by an SAE's."""
    input:
        meta_saes=lambda w: meta_files("sae.safetensors", META_PLAN.of("replaced")),
        sae=lambda w: sae_path(META_PLAN.taken_apart, "sae.safetensors"),
        codes=lambda w: codes_path(META_PLAN.taken_apart),
        similar=lambda w: [sae_path(sae, "sae.safetensors") for sae in META_PLAN.similar],
        similar_codes=lambda w: [codes_path(sae) for sae in META_PLAN.similar],
    pathvars:
        exhibit="canonical_units/fig23",
    params:
        metas=lambda w: META_PLAN.blocks(*META_PLAN.of("replaced")),
