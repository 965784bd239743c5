"""The page as HTML, from a template that escapes whatever it is given."""

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED
from workflow_scripts.anatomy.report.page.collected import KINDS, Judged, Shown, counts_of
from workflow_scripts.anatomy.report.page.strip import WIDTH
from workflow_scripts.anatomy.report.page.used import spoken
from workflow_scripts.anatomy.report.templating import POLICY, template

BAR = 1000.0  # units of a bar's width
# Of several claims.
PLURALS = {HOLDS: "hold", FAILS: "do not hold", UNDECIDED: UNDECIDED, NOT_TESTABLE: NOT_TESTABLE}
MARKS = {"holds": "✓", "fails": "✗", "undecided": "?", "untested": "–"}


def page(**content: Any) -> str:
    """The HTML of `report.html.j2`; every text in `content` is escaped, a name that is missing an error."""
    filters: dict[str, Callable[..., Any]] = {
        "spoken": spoken,
        "sortable": sortable,
        "whole": whole,
        "kind": KINDS.get,
    }
    return template("report.html.j2", filters).render(
        policy=POLICY, marks=MARKS, plurals=PLURALS, kinds=KINDS, strip_width=WIDTH, **content
    )


def whole(text: str) -> str:
    """A text in which no line ends within an interval."""
    return re.sub(r"\[[^\[\]]*\]", lambda found: found[0].replace(" ", "\u00a0"), text)


def sortable(number: float) -> str:
    """A number as a script reads it back, empty where there is none."""
    return repr(float(number)) if math.isfinite(number) else ""


def arranged(shown: Sequence[Shown], claims: Sequence[Judged]) -> dict[str, Any]:
    """The parts of the page: headline figures, the others by paper, and bars of the papers' verdicts."""
    papers = list(dict.fromkeys(each.paper for each in shown))
    others = [
        (paper, [each for each in shown if each.paper == paper and not each.headline])
        for paper in papers
    ]
    bars = []
    for paper in dict.fromkeys(each.paper for each in claims):
        of_paper = [each for each in claims if each.paper == paper]
        counts = counts_of(of_paper)
        parts = shares(counts, len(of_paper), BAR)
        bars.append({"paper": paper, "counts": counts, "parts": parts})
    return {
        "papers": papers,
        "headlines": [each for each in shown if each.headline],
        "others": [(paper, group) for paper, group in others if group],
        "bars": bars,
        "counts": counts_of(claims),
        "ranks": {kind: rank for rank, kind in enumerate(KINDS)},
    }


def shares(counts: list[tuple[str, int]], total: int, width: float) -> list[dict[str, Any]]:
    """Segments of a bar of some width: kind, number, where each begins and how wide it is."""
    found, begin = [], 0.0
    for kind, number in counts:
        size = width * number / max(1, total)
        found.append({"kind": kind, "number": number, "x": round(begin, 2), "w": round(size, 2)})
        begin += size
    return found


def configuration(config: dict[str, Any]) -> str:
    """A checked configuration as YAML, in its own order; the folder of the user is ``~`` again."""
    import yaml

    # Plain lists and dictionaries, whatever a workflow makes of them.
    plain = json.loads(json.dumps(config))
    text = yaml.safe_dump(
        plain, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    home = str(Path.home())
    return text.replace(f"{home}/", "~/") if home not in ("/", "") else text
