# The cards of the run's SAEs, and the index of them all.


rule write_cards:
    """A card for every SAE of the run, as a page, as Markdown and as JSON, and the index of them all."""
    input:
        saes=[sae_path(sae, "sae.safetensors") for sae in SAES.values()],
        models=[f"{STORE}/{sae.model}/model.json" for sae in SAES.values()],
        latents=[f"{RUN}/latents/{m}/{site}/{name}/latents.csv" for m, site, name in SAES],
        tables=tables_of_cards(),
        draws=draws_beside(tables_of_cards()),
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
