"""The run as a Workflow Run RO-Crate: https://w3id.org/ro/wfrun/workflow/0.5, on RO-Crate 1.1.

The crate is the run's own folder, as it is handed on: what the store holds is left out, since it is
shared and too large, and is named by its digests in `audit/audit.json`.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

CRATE = "ro-crate-metadata.json"
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
WORKFLOW = "audit/Snakefile"
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def crate(
    record: Mapping[str, Any], audit_files: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The metadata file's content.

    record: as `record.record` gives it. audit_files: path in the run's folder -> bytes and sha256 of
    what the audit itself wrote.
    """
    prefix = f"{record['run']}/"
    made = {
        path.removeprefix(prefix): about
        for path, about in record["files"].items()
        if path.startswith(prefix)
    }
    files = [_file(path, about) for path, about in sorted((made | dict(audit_files)).items())]
    given = [
        {
            "@id": f"#given-{number}",
            "@type": "CreativeWork",
            "name": path,
            "identifier": f"sha256:{about['sha256']}",
        }
        for number, (path, about) in enumerate(sorted(record["given"].items()))
    ]
    name = PurePosixPath(record["run"]).name
    times = _times(record)
    return {
        "@context": [
            "https://w3id.org/ro/crate/1.1/context",
            "https://w3id.org/ro/terms/workflow-run/context",
        ],
        "@graph": [
            {
                "@id": CRATE,
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": [
                    {"@id": "https://w3id.org/ro/crate/1.1"},
                    {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
                ],
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": f"Anatomy of sparse autoencoders: run {name}",
                "description": "Tables, figures, claims and report of one run of the workflow.",
                "datePublished": record["made"],
                "license": "MIT",
                "conformsTo": [{"@id": profile} for profile in PROFILES],
                "hasPart": [{"@id": WORKFLOW}, *({"@id": file["@id"]} for file in files)],
                "mainEntity": {"@id": WORKFLOW},
                "mentions": [{"@id": "#run"}],
            },
            *({"@id": profile, "@type": "CreativeWork", "name": profile} for profile in PROFILES),
            {
                "@id": WORKFLOW,
                "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
                "name": "Snakefile",
                "programmingLanguage": {"@id": SNAKEMAKE},
                "version": record["code"]["commit"] or record["code"]["sha256"],
            },
            {
                "@id": SNAKEMAKE,
                "@type": "ComputerLanguage",
                "name": "Snakemake",
                "identifier": {"@id": "https://snakemake.github.io"},
                "url": {"@id": "https://snakemake.github.io"},
                "version": record["packages"].get("snakemake", "unknown"),
            },
            {
                "@id": "#run",
                "@type": "CreateAction",
                "name": f"Run {name}",
                "instrument": {"@id": WORKFLOW},
                "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
                "object": [{"@id": "audit/config.json"}, *({"@id": each["@id"]} for each in given)],
                "result": [
                    {"@id": _file(path, about)["@id"]} for path, about in sorted(made.items())
                ],
                **times,
            },
            *given,
            *(file for file in files if file["@id"] != WORKFLOW),
        ],
    }


def _file(path: str, about: Mapping[str, Any]) -> dict[str, Any]:
    if about.get("folder"):
        return {"@id": f"{path}/", "@type": "Dataset", "name": PurePosixPath(path).name}
    entity = {
        "@id": path,
        "@type": "File",
        "name": PurePosixPath(path).name,
        "contentSize": str(about["bytes"]),
        "sha256": about["sha256"],
    }
    encoding = FORMATS.get(PurePosixPath(path).suffix)
    return entity | ({"encodingFormat": encoding} if encoding else {})


def _times(record: Mapping[str, Any]) -> dict[str, str]:
    """When the first of the run's jobs began, and when the record was made."""
    started = [job["usage"]["started"] for job in record["jobs"] if job["usage"]]
    return {"endTime": record["made"]} | ({"startTime": min(started)} if started else {})
