"""Figure 9b: the error of the residual stream's SAE from SAE reconstructions of what feeds it."""

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.codes import open_codes
from workflow_scripts.anatomy.cross_prediction import cross_prediction
from workflow_scripts.anatomy.decomposition import Subject
from workflow_scripts.anatomy.devices import resolve_device
from workflow_scripts.anatomy.dictionary import load
from workflow_scripts.anatomy.error_components import load_error_map
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.splits import Split
from workflow_scripts.anatomy.tables import identity, with_interval, write_rows

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
device = resolve_device(params.device)
store = open_activations(snakemake.input.activations)
split = Split.of(analysis, params.seed, store)
linear = load_error_map(snakemake.input.maps, device)
subjects = {}
for source, sae, codes in zip(
    params.sources, snakemake.input.saes, snakemake.input.codes, strict=True
):
    dictionary = load(sae, device)
    site = dictionary.metadata["site"]
    subjects[source] = Subject(
        store,
        site,
        dictionary,
        open_codes(codes),
        split,
        device,
        snakemake.threads,
        analysis["dask"],
    )
target = subjects["resid"]
who = identity(target.dictionary.metadata, target.codes.summary)
rows = []
for source, subject in subjects.items():
    about = {"source": source, "source_site": subject.site, "source_sae": subject.dictionary.name}
    for name, *found in cross_prediction(
        subject, target, linear, analysis["bootstrap"], params.seed
    ):
        rows.append(who | about | {"target": name} | with_interval("r2", found))
write_rows(snakemake.output.table, rows)
