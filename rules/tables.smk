# Tables of papers: a rule each in rules/papers/, all of them this one but for what they read.


rule tabulate:
    """What every rule of a table has in common; `exhibit` is <paper>/<exhibit>."""
    output:
        table="<run>/tables/<exhibit>.csv",
    log:
        "<run>/logs/tables/<exhibit>.log",
    pathvars:
        exhibit="none",
    # On a cluster several go into one allocation. What may take more than an hour, or a GPU, is in "long_tables".
    group:
        "tables"
    conda:
        f"{workflow.basedir}/envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        # As **job: Snakemake does not record, and so not compare, what asks for `output` by name.
        code=lambda w, **job: code_of(
            "tabulate.py", papers.tabulation(*tabulated_exhibit(job["output"]))
        ),
        tabulated_by=lambda w, **job: tabulated_exhibit(job["output"])[1].tabulated_by,
    script:
        f"{workflow.basedir}/workflow_scripts/tabulate.py"


use rule tabulate as tabulate_drawn with:
    """A table whose estimates keep their values in every resample, so that claims compare them in pairs."""
    output:
        table="<run>/tables/<exhibit>.csv",
        draws="<run>/tables/<exhibit>.draws.npz",
