# What the run will cost, before any of it runs.


rule forecast:
    """What a run will cost before it runs: jobs, core-hours, GPU-hours, time, disk and memory."""
    log:
        "<run>/logs/forecast.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("forecast.py"),
        arguments=[
            *CONFIG_OPTIONS,
            # `workflow.cores` is an error where a cluster has no such number.
            *("--cores", str(workflow.resource_settings.cores or 1)),
        ],
    script:
        "../workflow_scripts/forecast.py"
