# Figures are drawn from their tables alone: restyling one recomputes nothing.


rule draw_figure:
    """Draw one figure from its tables."""
    input:
        lambda w: [f"{RUN}/tables/{w.paper}/{name}.csv" for name in ROWS[w.paper][w.row]["tables"]],
    output:
        pdf=report(
            "<run>/figures/{paper}/{row}.pdf",
            category="{paper}",
            labels={"figure": "{row}"},
            caption="report/figure.rst",
        ),
        png="<run>/figures/{paper}/{row}.png",
    log:
        "<run>/logs/figures/{paper}/{row}.log",
    benchmark:
        "<run>/benchmarks/figures/{paper}/{row}.tsv"
    wildcard_constraints:
        paper="|".join(ROWS),
        row="[a-z0-9_]+",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=lambda w: code_of("draw_figure.py", drawing_of(w.paper, w.row)),
        figure=lambda w: ROWS[w.paper][w.row]["figure"],
        caption=lambda w: ROWS[w.paper][w.row]["caption"],
    script:
        "../workflow_scripts/draw_figure.py"


rule render_table:
    """Show a table as Markdown."""
    input:
        table="<run>/tables/{paper}/{row}.csv",
    output:
        rendered=report(
            "<run>/tables/{paper}/{row}.md",
            category="{paper}",
            labels={"figure": "{row}"},
            caption="report/figure.rst",
        ),
    log:
        "<run>/logs/tables/{paper}/{row}.md.log",
    benchmark:
        "<run>/benchmarks/tables/{paper}/{row}.md.tsv"
    wildcard_constraints:
        paper="|".join(ROWS),
        row="[a-z0-9_]+",
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("render_table.py"),
        columns=lambda w: ROWS[w.paper][w.row]["columns"],
        caption=lambda w: ROWS[w.paper][w.row]["caption"],
    script:
        "../workflow_scripts/render_table.py"
