# What the papers claim against what this run measured.

CLAIMS = papers.claiming(PLANS)


rule check_claims:
    """Every quantitative or directional claim of the papers, with its verdict from this run's tables."""
    input:
        tables=[tables_of(paper) for paper in CLAIMS],
        draws=[draws_of(paper) for paper in CLAIMS],
    output:
        table="<run>/claims.csv",
        page="<run>/claims.md",
    log:
        "<run>/logs/claims.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("check_claims.py", *CLAIMS.values()),
        papers=list(CLAIMS),
        seed=config["seed"],
    script:
        "../workflow_scripts/check_claims.py"
