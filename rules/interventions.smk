# Models with the activations of a site replaced: their loss, one job for all SAEs of a site; and what becomes of
# their predictions, token by token, a job for each store.

from workflow_scripts.anatomy.decomposition.error_store import COMPONENTS

IN_PARTS = asked_of_stages("components_substituted")


rule measure_losses:
    """Loss of a model under zero and mean ablation of a site, under every SAE, and with its error's parts."""
    input:
        model="<store>/{model}/model.json",
        activations=analysis_activations,
        saes=lambda w: [sae_path(sae, "sae.safetensors") for sae in at_site(SAES.values(), w)],
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
        analysis=ANALYSIS,
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../workflow_scripts/measure_losses.py"


rule measure_effects:
    """What Sae(x) and other perturbations of a site do to a model's predictions, token by token."""
    input:
        model="<store>/{model}/model.json",
        activations=analysis_activations,
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        maps=lambda w: (
            scores_path(effects_at(w).sae, file="maps.npz") if w.subject in COMPONENTS else []
        ),
        wider=lambda w: [sae_path(sae, "sae.safetensors") for sae in effects_at(w).wider],
    output:
        effects="<run>/effects/{model}/{site}/{sae}/{subject}.zarr/manifest.json",
    log:
        "<run>/logs/effects/{model}/{site}/{sae}/{subject}.log",
    wildcard_constraints:
        subject="|".join(sorted({one.subject for one in EFFECTS})),
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, input, attempt: attempt * (6000 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 240 * attempt,
        gpu=GPU,
    params:
        code=code_of("measure_effects.py"),
        site="{site}",
        subject="{subject}",
        extent=lambda w: effects_at(w).extent,
        sweep=lambda w: effects_at(w).sweep,
        draws=lambda w: effects_at(w).draws,
        threshold=lambda w: effects_at(w).threshold,
        contexts=lambda w: effects_at(w).contexts,
        first=lambda w: effects_at(w).first,
        analysis=ANALYSIS,
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../workflow_scripts/measure_effects.py"
