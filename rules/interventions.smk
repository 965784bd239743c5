# Losses of a model in which the activations of a site are replaced: one job for all SAEs of a site.

# In the order of the catalogue: the job is the same whichever paper asks first.
SUBSTITUTED = [sae for sae in SAES.values() if sae in asked_of_stages("substituted")]
IN_PARTS = asked_of_stages("components_substituted")


rule measure_losses:
    """Loss of a model under zero and mean ablation of a site, under every SAE, and with its error's parts."""
    input:
        model="<store>/{model}/model.json",
        activations=analysis_activations,
        saes=lambda w: [sae_path(sae, "sae.safetensors") for sae in at_site(SUBSTITUTED, w)],
        maps=lambda w: [scores_path(sae, file="maps.npz") for sae in at_site(IN_PARTS, w)],
    output:
        losses="<run>/interventions/{model}/{site}/losses.npz",
    log:
        "<run>/logs/interventions/{model}/{site}/losses.log",
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, input, attempt: attempt * (5000 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 240 * attempt,
        gpu=GPU,
    params:
        code=code_of("measure_losses.py"),
        site="{site}",
        in_parts=lambda w: [sae.name for sae in at_site(IN_PARTS, w)],
        contexts=config["interventions"]["contexts"],
        analysis=config["analysis"],
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../workflow_scripts/measure_losses.py"
