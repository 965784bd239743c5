# Figures are drawn from their tables alone: restyling one recomputes nothing.


rule draw_figure:
    """Draw one figure from its tables."""
    input:
        lambda w: [
            f"{RUN}/tables/{w.paper}/{table}.csv" for table in EXHIBITS[w.paper][w.exhibit].tables
        ],
    output:
        pdf=report(
            "<run>/figures/{paper}/{exhibit}.pdf",
            category=lambda w: TITLES[w.paper],
            labels=labels_of("PDF"),
            caption="report/figure.rst",
        ),
        # Browsers show it beside the list; a PDF is downloaded.
        png=report(
            "<run>/figures/{paper}/{exhibit}.png",
            category=lambda w: TITLES[w.paper],
            labels=labels_of("PNG"),
            caption="report/figure.rst",
        ),
    log:
        "<run>/logs/figures/{paper}/{exhibit}.log",
    group:
        "tables"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=lambda w: code_of(
            "draw_figure.py", papers.drawing(w.paper, EXHIBITS[w.paper][w.exhibit])
        ),
        figure=lambda w: EXHIBITS[w.paper][w.exhibit].drawn_by,
        caption=lambda w: EXHIBITS[w.paper][w.exhibit].caption,
    script:
        "../workflow_scripts/draw_figure.py"


rule render_table:
    """Show a table as Markdown."""
    input:
        table="<run>/tables/{paper}/{exhibit}.csv",
    output:
        rendered=report(
            "<run>/tables/{paper}/{exhibit}.md",
            category=lambda w: TITLES[w.paper],
            labels=labels_of("Markdown"),
            caption="report/figure.rst",
        ),
    log:
        "<run>/logs/tables/{paper}/{exhibit}.md.log",
    group:
        "tables"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 1000 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
    params:
        code=code_of("render_table.py"),
        columns=lambda w: EXHIBITS[w.paper][w.exhibit].columns,
        caption=lambda w: EXHIBITS[w.paper][w.exhibit].caption,
    script:
        "../workflow_scripts/render_table.py"
