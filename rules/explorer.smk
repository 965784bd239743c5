# The explorer: a page that shows every latent, and its data in one folder.


rule write_explorer_sae:
    """The explorer's data of one SAE: its latents in blocks, and what it does at a few contexts."""
    input:
        table="<run>/latents/{model}/{site}/{sae}/latents.csv",
        latents="<run>/latents/{model}/{site}/{sae}/latents.npz",
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        codes=lambda w: codes_path(explored(w)),
        norms=lambda w: norms_of_sae(explored(w)),
        effects=lambda w: effects_of_sae(explored(w)),
        reference=lambda w: codes_path(RANKED_BY[w.model]),
        measured=lambda w: effects_of_sae(RANKED_BY[w.model]),
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
        metas=of_meta_latents("meta_latents.json"),
        meta_tables=of_meta_latents("meta_latents.csv"),
        meta_arrays=of_meta_latents("meta_latents.npz"),
        stitched=STITCHED,
        probed=NORM_PROBED,
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
