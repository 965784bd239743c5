"""Figure 9b: the error of the residual stream's SAE from SAE reconstructions of what feeds it."""

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import identity, with_interval, write_rows
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.decomposition import Subject
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.error_map import load_error_map
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.cross_prediction import cross_prediction

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
    dictionary = load_dictionary(sae, device)
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
