# What an auditor asks for: is every store on disk what was written?


rule verify_stores:
    """Read every store of this run against the hashes of its manifest."""
    input:
        all_stores(),
    log:
        "<run>/logs/verify_stores.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 240 * attempt,
    params:
        code=code_of("verify_stores.py"),
    script:
        "../workflow_scripts/verify_stores.py"
