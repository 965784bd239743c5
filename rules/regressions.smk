# Linear regressions on activations: X'X once per site, then the error of every SAE taken apart.


rule gather_site_moments:
    """X'X of the training tokens of a site, which all regressions at the site share."""
    input:
        activations=analysis_activations,
    output:
        moments="<run>/regressions/{model}/{site}/moments.npz",
    log:
        "<run>/logs/regressions/{model}/{site}/moments.log",
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
        gpu=GPU,
    params:
        code=code_of("gather_site_moments.py"),
        site="{site}",
        analysis=ANALYSIS,
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../workflow_scripts/gather_site_moments.py"


rule decompose_error:
    """SaeError = LinearError + NonlinearError (Eq. 10 to 12, 14, 15), for one SAE and its codes."""
    input:
        activations=analysis_activations,
        moments="<run>/regressions/{model}/{site}/moments.npz",
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        codes=lambda w: codes_path(SAES[w.model, w.site, w.sae], w.codes),
    output:
        scores="<run>/regressions/{model}/{site}/{sae}/{codes}/scores.csv",
        draws="<run>/regressions/{model}/{site}/{sae}/{codes}/scores.draws.npz",
        maps="<run>/regressions/{model}/{site}/{sae}/{codes}/maps.npz",
        norms="<run>/regressions/{model}/{site}/{sae}/{codes}/norms.zarr/manifest.json",
    log:
        "<run>/logs/regressions/{model}/{site}/{sae}/{codes}.log",
    wildcard_constraints:
        codes="codes|pursuit",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (3000 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
        gpu=GPU,
    params:
        code=code_of("decompose_error.py"),
        site="{site}",
        analysis=ANALYSIS,
        seed=config["seed"],
        device=config["device"],
    script:
        "../workflow_scripts/decompose_error.py"
