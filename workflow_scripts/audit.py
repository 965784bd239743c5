"""Record what a run is made of: its code, configuration, jobs and files; refuse if any of it is stale."""

import shutil
import subprocess
import sys
from pathlib import Path

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import replacing, write_json
from workflow_scripts.anatomy.report.audit.crate import CRATE, WORKFLOW, crate
from workflow_scripts.anatomy.report.audit.page import page
from workflow_scripts.anatomy.report.audit.produced import produced
from workflow_scripts.anatomy.report.audit.record import RECORD, described, plain, record

begin(snakemake.log[0], snakemake.threads)

SHOWN = 20  # stale files that are named
params = snakemake.params
command = [sys.executable, "-m", "snakemake", "--detailed-summary", "--nolock", *params.options]
done = subprocess.run(command, capture_output=True, text=True, check=False)
if done.returncode:
    raise AnatomyError(f"the run cannot be summed up: {done.stderr.strip()[-2000:]}")
files = produced(done.stdout)
stale = [file for file in files if file.stale or not Path(file.path).exists()]
for file in stale[:SHOWN]:
    log.error("stale: %s (%s: %s)", file.path, file.rule, file.status)
if stale:
    raise AnatomyError(
        f"{len(stale)} of {len(files)} files of {params.run} are missing or stale, the first of them named "
        "above; run the workflow and audit again"
    )
about = record(params.config, params.options, files, params.run, params.store, params.workflow)
folder = Path(params.run) / "audit"
folder.mkdir(parents=True, exist_ok=True)
shutil.copyfile(Path(params.workflow) / "Snakefile", Path(params.run) / WORKFLOW)
write_json(folder / "config.json", plain(params.config))
write_json(folder / RECORD, about)
with replacing(folder / "audit.md") as temporary:
    temporary.write_text(page(about))
written = [folder / name for name in ("config.json", RECORD, "audit.md")]
own = {path.relative_to(params.run).as_posix(): described(path) for path in written}
write_json(Path(params.run) / CRATE, crate(about, own))
log.info("%s: %d files, none stale", folder / "audit.md", len(files))
