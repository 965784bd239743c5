# What the papers claim against what this run measured.

CLAIMED = ["dark_matter", "canonical_units"]


rule check_claims:
    """Every quantitative or directional claim of the papers, with its verdict from this run's tables."""
    input:
        tables=[tables_of(paper) for paper in CLAIMED],
    output:
        table="<run>/claims.csv",
        page="<run>/claims.md",
    log:
        "<run>/logs/claims.log",
    benchmark:
        "<run>/benchmarks/claims.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("check_claims.py"),
        papers=CLAIMED,
        seed=config["seed"],
    script:
        "../workflow_scripts/check_claims.py"
