# Appendix A.4 of the canonical-units paper: dashboards of latents.


use rule tabulate_stitched as tabulate_canonical_units_fig12 with:
    """Figure 12: dashboards of a pair of latents, and how alike pairs of latents are."""
    input:
        model=lambda w: f"{STORE}/{CANON_PLAN.stitchings['fig12'].model}/model.json",
        tokenizer=lambda w: f"{STORE}/{CANON_PLAN.stitchings['fig12'].model}/tokenizer/tokenizer.json",
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig12"].model),
        saes=stitched("fig12", sae_path, "sae.safetensors"),
        codes=stitched("fig12", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
        tokens="<run>/tables/<exhibit>_tokens.csv",
        latents="<run>/tables/<exhibit>_latents.csv",
        histogram="<run>/tables/<exhibit>_histogram.csv",
        pairs="<run>/tables/<exhibit>_pairs.csv",
    pathvars:
        exhibit="canonical_units/fig12",
    group:
        "long_tables"
    resources:
        # The model is loaded for its unembedding.
        mem_mb=lambda w, input, attempt: attempt
        * (decoders_memory(input) + (16000 if IMPORTED_MODELS != "(?!)" else 1000)),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        site=lambda w: CANON_PLAN.stitchings["fig12"].site,
        analysis=ANALYSIS,


use rule tabulate_canonical_units_fig12 as tabulate_canonical_units_fig13 with:
    """Figure 13: dashboards of a novel latent and of the nearest ones of the smaller SAE."""
    input:
        insertions="<run>/tables/canonical_units/fig4.csv",
        model=lambda w: f"{STORE}/{CANON_PLAN.stitchings['fig13'].model}/model.json",
        tokenizer=lambda w: f"{STORE}/{CANON_PLAN.stitchings['fig13'].model}/tokenizer/tokenizer.json",
        activations=lambda w: activations_path(CANON_PLAN.stitchings["fig13"].model),
        saes=stitched("fig13", sae_path, "sae.safetensors"),
        codes=stitched("fig13", codes_path),
    output:
        table="<run>/tables/<exhibit>.csv",
        tokens="<run>/tables/<exhibit>_tokens.csv",
        latents="<run>/tables/<exhibit>_latents.csv",
        histogram="<run>/tables/<exhibit>_histogram.csv",
    pathvars:
        exhibit="canonical_units/fig13",
    params:
        site=lambda w: CANON_PLAN.stitchings["fig13"].site,
