"""The record of a run, as a person reads it."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from workflow_scripts.anatomy.report.page.used import PACKAGES, spoken


def page(record: Mapping[str, Any]) -> str:
    """Markdown: code, configuration, what was given, what it ran on, jobs by rule, what was made."""
    code, run = record["code"], record["run"]
    parts = [
        f"# Audit of {run}",
        f"Made {record['made']}; nothing in it was stale. `audit.json` beside this has the digest of every file.",
        "## Code and configuration",
        _lines(
            {
                "Commit": code["commit"] or "not a git checkout",
                "Working tree": _tree(code["changed"]),
                "SHA-256 of rules and scripts": f"`{code['sha256']}`",
                "SHA-256 of the configuration": f"`{record['configuration_sha256']}`",
                "Seeds": ", ".join(map(str, record["seeds"])) or "none",
                "Python": record["python"],
                "Packages": ", ".join(
                    f"{name} {record['packages'][name]}"
                    for name in PACKAGES
                    if name in record["packages"]
                ),
            }
            | record["machine"]
        ),
        "## What was given",
        _given(record),
        "## Jobs",
        _jobs(record),
        "## What was made",
        f"{len(record['files'])} files, {_size(sum(f['bytes'] for f in record['files'].values()))}; of a store "
        "the manifest is counted, which has the digests of its files.",
        "## How to check it",
        "```sh\n"
        f"make recheck RUN={run}            # is everything still what it was?\n"
        f"make replay RUN={run}            # do five of its jobs, drawn at random, give the same bytes?\n"
        "```",
    ]
    return "\n\n".join(parts) + "\n"


def _tree(changed: list[str] | None) -> str:
    if changed is None:
        return "unknown"
    return "clean" if not changed else f"{len(changed)} changed: {', '.join(changed[:20])}"


def _given(record: Mapping[str, Any]) -> str:
    revisions = {
        f"{kind}.{name}": block["revision"]
        for kind in ("models", "datasets", "saes")
        for name, block in record["configuration"].get(kind, {}).items()
        if isinstance(block, Mapping) and block.get("revision")
    }
    files = {path: f"`{about['sha256']}`" for path, about in record["given"].items()}
    return _lines(revisions | files) or "No file, and nothing from a hub: everything was made here."


def _jobs(record: Mapping[str, Any]) -> str:
    of_rule = defaultdict(list)
    for job in record["jobs"]:
        of_rule[job["rule"]].append(job["usage"])
    rows = []
    for rule, all_usages in sorted(of_rule.items()):
        known = [usage for usage in all_usages if usage]
        took = spoken(sum(usage["wall_s"] for usage in known)) if known else "–"
        cpu = spoken(sum(usage["cpu_s"] for usage in known)) if known else "–"
        peak = f"{max(usage['peak_mb'] for usage in known):,.0f} MiB" if known else "–"
        threads = "/".join(map(str, sorted({usage["threads"] for usage in known}))) or "–"
        rows.append(f"| {rule} | {len(all_usages)} | {took} | {cpu} | {peak} | {threads} |")
    head = "| Rule | Jobs | Time | CPU time | Largest memory | Threads |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    return "\n".join([head, *rows])


def _lines(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
