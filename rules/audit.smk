# What an auditor asks for: is every store on disk what was written?


rule verify_stores:
    """Read every store of this run against its manifest, and every other file against its record."""
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


rule audit:
    """Record what this run is made of in its folder, audit/; an error if anything of it is stale."""
    log:
        "<run>/logs/audit.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("audit.py"),
        config=config,
        options=CONFIG_OPTIONS,
        run=RUN,
        store=STORE,
        workflow=workflow.basedir,
    script:
        "../workflow_scripts/audit.py"
