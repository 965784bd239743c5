"""What a run will cost before it runs: its jobs as Snakemake plans them, the work of each, and rates."""
