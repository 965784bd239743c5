"""A small run for the page, whose names and texts try to leave their places."""

import json
from html.parser import HTMLParser

import pandas as pd
from PIL import Image

from tests.running import run_script
from workflow_scripts.anatomy.claims.rule import at_least
from workflow_scripts.anatomy.report.names import slug

SCRIPT = "<script>window.taken=1</script>"
ATTRIBUTE = "\"><svg onload=alert(1)> '><img src=x onerror=alert(1)>"
TEMPLATE = "{{ 7 * 7 }} </title><!-- javascript:alert(1) \u202e"
RULE = at_least(0.5)


class Seen(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def values(self, *names):
        return [attrs[name] for _, attrs in self.tags for name in names if name in attrs]


def exhibit(paper, name, headline=False, rendered=False):
    return {"paper": paper, "name": name, "tables": [name], "caption": f"R^2 of {SCRIPT}."} | {
        "headline": headline,
        "rendered": rendered,
        "columns": {},
    }


EXHIBITS = [
    exhibit("toy", "fig1", headline=True),
    exhibit("toy", "fig2"),
    exhibit("toy", "table1", rendered=True),
]
FINDINGS = {
    ("toy", "fig1"): {"verdict": "holds", "point": ATTRIBUTE, "sentence": SCRIPT, "more": TEMPLATE}
}
SAE = ("gpt2", "blocks.0.hook_resid_post", ATTRIBUTE)


def claims():
    row = {
        **{"claim": "one", "paper": "toy", "where": ATTRIBUTE, "statement": SCRIPT},
        **{"paper_value": TEMPLATE, "measured": 0.6, "measured_lo": 0.55, "measured_hi": 0.7},
        **{"rule": f"x {RULE.text}", "verdict": "holds", "note": SCRIPT, "interval": "documents"},
        "tables": "fig1",
    }
    untested = {"claim": "two", "verdict": f"not testable here ({ATTRIBUTE})", "tables": ""}
    numbers = dict.fromkeys(("measured", "measured_lo", "measured_hi"), float("nan"))
    return pd.DataFrame([row | untested | numbers, row])


def saes():
    model, site, name = SAE
    row = {"model": model, "site": site, "sae": name, "slug": slug(*SAE), "architecture": SCRIPT}
    numbers = {"width": 256, "l0": 4.1, "fvu": 0.2, "fvu_lo": 0.19, "fvu_hi": 0.21}
    other = {"sae": "dead", "slug": slug(model, site, "dead"), "l0": float("nan")}
    return pd.DataFrame([row | numbers, row | numbers | other])


QUANTITIES = [
    {"key": "l0", "label": "L0", "sentence": "Mean number of active latents."},
    {"key": "fvu", "label": f"FVU {SCRIPT}", "sentence": ATTRIBUTE},
]


def config(run=SCRIPT):
    harvest = {"model": TEMPLATE, "dataset": ATTRIBUTE, "split": "validation"}
    sizes = {"contexts": 512, "context_length": 256, "min_position": 50, "separators": "count"}
    return {
        **{"run": run, "seed": 0, "harvests": {"heldout": harvest | sizes}},
        "analysis": {"harvests": ["heldout"]},
    }


def blocks():
    model, site, name = SAE
    block = {"model": model, "site": site, "name": name, "architecture": "topk"}
    return [block | {"width": width, "seed": seed} for width, seed in ((256, 0), (1024, 1))]


def write_run(folder):
    """Tables, figures, claims.csv, saes.csv and findings.json of a run."""
    for kind in ("tables", "figures"):
        (folder / kind / "toy").mkdir(parents=True)
    for name in ("fig1", "fig2"):
        Image.new("RGBA", (1200, 900), (200, 20, 20, 128)).save(
            folder / "figures" / "toy" / f"{name}.png"
        )
    table = pd.DataFrame({"token": [SCRIPT, ATTRIBUTE, "long " * 40], "value": [0.12345, 1.0, 2.0]})
    table.to_csv(folder / "tables" / "toy" / "table1.csv", index=False)
    claims().to_csv(folder / "claims.csv", index=False)
    saes().to_csv(folder / "saes.csv", index=False)
    rows = [{"paper": paper, "exhibit": name} | told for (paper, name), told in FINDINGS.items()]
    content = {"findings": [SCRIPT, TEMPLATE], "headline": rows, "others": []}
    (folder / "report").mkdir()
    (folder / "report" / "findings.json").write_text(json.dumps(content))


def write_report(folder):
    """The report of that run, by the script of its rule."""
    report = folder / "report"
    output = {
        **{"page": report / "index.html", "figures": report / "figures"},
        **{"style": report / "assets/report.css", "program": report / "assets/report.js"},
    }
    run_script(
        "write_report",
        folder / "log",
        input={
            "findings": report / "findings.json",
            "claims": [folder / "claims.csv"],
            "saes": folder / "saes.csv",
        },
        output=output,
        params={
            **{"run": str(folder), "store": str(folder / "store"), "config": config()},
            **{"saes": blocks(), "exhibits": EXHIBITS},
            **{"missing": [("toy", "fig9", ATTRIBUTE)], "titles": {"toy": f"Toy {SCRIPT}"}},
            **{"claiming": [], "quantities": QUANTITIES},
            "logs": {"tabulate": "logs/tables/(?P<exhibit>[^/]+)\\.log$"},
        },
    )
