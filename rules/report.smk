# The report of a run: what it found, in sentences, and all that it shows on one page.


rule write_findings:
    """What the figures of the run found, in sentences, and three sentences of the whole run."""
    input:
        tables=TABLES_FOUND,
        draws=draws_beside(TABLES_FOUND),
    output:
        findings="<run>/report/findings.json",
    log:
        "<run>/logs/report/findings.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of(
            "write_findings.py",
            *sorted({about["finding"] for about in FOUND}),
        ),
        exhibits=FOUND,
    script:
        "../workflow_scripts/write_findings.py"


rule write_report:
    """The page of the run: findings, figures, claims, SAEs, method, machine; and what it needs beside it."""
    input:
        findings="<run>/report/findings.json",
        claims=claims_of_run(),
        saes="<run>/saes.csv",
        shown=[shown_of(paper) for paper in EXHIBITS],
    output:
        page="<run>/report/index.html",
        style="<run>/report/assets/report.css",
        program="<run>/report/assets/report.js",
        figures=directory("<run>/report/figures"),
    log:
        "<run>/logs/report/page.log",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("write_report.py", *papers.claiming(PLANS).values()),
        looks=[digest_of_file(path) for path in REPORT_LOOKS],
        run=lambda w: RUN,
        store=STORE,
        config=config,
        saes=[sae.block() for sae in SAES.values()],
        exhibits=REPORTED,
        missing=[(paper, *why) for paper, plan in PLANS.items() for why in plan.missing.items()],
        titles=papers.titles(PLANS),
        claiming=list(papers.claiming(PLANS)),
        quantities=CARD_QUANTITIES,
        logs=lambda w: logs_of_rules(),
    script:
        "../workflow_scripts/write_report.py"


rule report:
    """The report of the run, with the cards and the explorer that it leads to."""
    input:
        f"{RUN}/report/index.html",
        rules.cards.input,
        rules.explorer.input,
