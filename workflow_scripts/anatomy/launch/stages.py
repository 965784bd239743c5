"""The rule graph by stages: python -m workflow_scripts.anatomy.launch.stages < rulegraph.dot

A stage is a file of rules/, or all files of one paper. What Snakemake draws has a hundred rules; this has one node a
stage and an arrow where some rule of one reads what a rule of the other makes.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NODE = re.compile(r'(\d+)\[label = "(\w+)')
ARROW = re.compile(r"(\d+) -> (\d+)")
# What rules are named by: themselves, or another one that they are made from.
RULE = re.compile(r"^(?:use rule \w+ as|rule) (\w+)", re.MULTILINE)


def stages(root: Path = ROOT) -> dict[str, str]:
    """Rule -> its stage, of every rule of the repository with a name of its own."""
    found = {}
    rooms = [room.name for room in (root / "workflow_scripts" / "papers").iterdir()]
    for file in sorted((root / "rules").rglob("*.smk")):
        papers = [room for room in rooms if file.stem.startswith(room)]
        for name in RULE.findall(file.read_text()):
            found[name] = papers[0] if papers else file.stem
    return found


def between(graph: str, stage_of: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The arrows between stages, each once, in a rule graph as Snakemake draws it."""
    rules = dict(NODE.findall(graph))
    stage = {number: stage_of[name] for number, name in rules.items() if name in stage_of}
    seen = set()
    for one, other in ARROW.findall(graph):
        arrow = stage.get(one, ""), stage.get(other, "")
        if all(arrow) and arrow[0] != arrow[1] and arrow not in seen:
            seen.add(arrow)
            yield arrow


def main() -> None:
    """Read Snakemake's rule graph, write that of the stages, both in the language of Graphviz."""
    lines = [f'"{one}" -> "{other}"' for one, other in between(sys.stdin.read(), stages())]
    style = "rankdir=LR nodesep=.15 ranksep=.3"
    nodes = "node [shape=box style=rounded fontname=sans fontsize=11 height=.3]"
    print(
        "\n".join(["digraph stages {", style, nodes, "edge [color=grey arrowsize=.6]", *lines, "}"])
    )


if __name__ == "__main__":
    main()
