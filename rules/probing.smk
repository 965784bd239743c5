# Labelled examples, probes on activations and on the latents of SAEs, and targeted probe perturbation.

PYTHON_SETS = any_of(n for n, s in LABELLED.items() if s["kind"] == "python_tokens")
TEXT_SETS = any_of(n for n, s in LABELLED.items() if s["kind"] != "python_tokens")


rule label_python_tokens:
    """Label every token of the analysis harvest of Python source, and draw examples for probes."""
    input:
        documents=lambda w: analysis_text(w, "{store}/datasets/{dataset}/{split}.jsonl"),
        tokens=lambda w: analysis_text(w, "{store}/{model}/tokens/{dataset}.{split}.npz"),
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
        activations=analysis_activations,
    output:
        examples="<store>/{model}/labelled/{labelled}.npz",
    log:
        "<store>/logs/{model}/labelled/{labelled}.log",
    wildcard_constraints:
        labelled=PYTHON_SETS,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (1500 + 4 * int(input.size_mb)),
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("label_python_tokens.py"),
        name="{labelled}",
        labelled=lambda w: LABELLED[w.labelled],
        harvest=lambda w: config["harvests"][ANALYSIS_HARVEST[w.model]],
        analysis=ANALYSIS,
        seed=config["seed"],
    script:
        "../workflow_scripts/label_python_tokens.py"


rule collect_labelled_texts:
    """Collect the texts of a labelled set, and say which are trained and which are tested on."""
    input:
        labelled_text_files,
    output:
        texts="<store>/labelled/{labelled}.jsonl",
    log:
        "<store>/logs/labelled/{labelled}.log",
    wildcard_constraints:
        labelled=TEXT_SETS,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("collect_labelled_texts.py"),
        files=fingerprint_of(labelled_text_files),
        name="{labelled}",
        labelled=lambda w: LABELLED[w.labelled],
    script:
        "../workflow_scripts/collect_labelled_texts.py"


rule pool_labelled_tokens:
    """Pool the stored activations and codes of labelled tokens."""
    input:
        examples="<store>/{model}/labelled/{labelled}.npz",
        activations=analysis_activations,
        codes=lambda w: [codes_path(sae) for sae in probed_at(w)],
    output:
        pooled="<run>/probing/{model}/{site}/{labelled}.npz",
    log:
        "<run>/logs/probing/{model}/{site}/{labelled}.log",
    wildcard_constraints:
        labelled=PYTHON_SETS,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("pool_labelled_tokens.py"),
        site="{site}",
    script:
        "../workflow_scripts/pool_labelled_tokens.py"


rule pool_labelled_texts:
    """Run the model over labelled texts, once, and pool its activations and their codes."""
    input:
        texts="<store>/labelled/{labelled}.jsonl",
        model="<store>/{model}/model.json",
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
        saes=lambda w: [sae_path(sae, "sae.safetensors") for sae in probed_at(w)],
    output:
        pooled="<run>/probing/{model}/{site}/{labelled}.npz",
    log:
        "<run>/logs/probing/{model}/{site}/{labelled}.log",
    wildcard_constraints:
        labelled=TEXT_SETS,
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, input, attempt: attempt * (6000 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
        gpu=GPU,
    params:
        code=code_of("pool_labelled_texts.py"),
        name="{labelled}",
        site="{site}",
        context_length=lambda w: LABELLED[w.labelled]["context_length"],
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../workflow_scripts/pool_labelled_texts.py"


rule probe_activations:
    """Dense probes: a logistic probe on the pooled activations for every class of a labelled set."""
    input:
        pooled="<run>/probing/{model}/{site}/{labelled}.npz",
    output:
        results="<run>/probing/{model}/{site}/{labelled}.dense.npz",
    log:
        "<run>/logs/probing/{model}/{site}/{labelled}.dense.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("probe_activations.py"),
        name="{labelled}",
    script:
        "../workflow_scripts/probe_activations.py"


rule probe_latents:
    """Sparse probes on the latents of an SAE, and what ablating latents does to the dense probes."""
    input:
        pooled="<run>/probing/{model}/{site}/{labelled}.npz",
        dense="<run>/probing/{model}/{site}/{labelled}.dense.npz",
        sae="<store>/{model}/{site}/{sae}/sae.safetensors",
        codes=lambda w: codes_path(SAES[w.model, w.site, w.sae]),
    output:
        results="<run>/probing/{model}/{site}/{sae}/{labelled}.npz",
    log:
        "<run>/logs/probing/{model}/{site}/{sae}/{labelled}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (2000 + 6 * int(input.size_mb)),
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("probe_latents.py"),
        probing=config["probing"],
    script:
        "../workflow_scripts/probe_latents.py"
