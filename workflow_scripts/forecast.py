"""What the run will cost: jobs, core-hours, GPU-hours, time, disk and memory."""

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.launch.forecast.__main__ import cores_of, lines
from workflow_scripts.anatomy.launch.forecast.planned import planned

begin(snakemake.log[0], snakemake.threads)

arguments = snakemake.params.arguments
for line in lines(planned(arguments), cores_of(arguments)):
    log.info("%s", line)
