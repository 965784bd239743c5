"""Figures 1 and 9a: FVU against SAE width, its power law, and the level of the nonlinear error."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import concatenate, write_rows, write_table
from workflow_scripts.papers.dark_matter.measures.power_law import fit_horizontal, fit_power_law

begin(snakemake.log[0], snakemake.threads)

table = concatenate(snakemake.input.scores).sort_values("width", ignore_index=True)
pursuit = concatenate(snakemake.input.pursuit_scores).sort_values("width", ignore_index=True)
measured = [f"{name}{end}" for name in ("fvu", "fvu_nonlinear") for end in ("", "_lo", "_hi")]
wide = table[["model", "site", "sae", "width", "l0", "seed", "split", *measured]].copy()
for name in ("fvu", "fvu_nonlinear"):
    for end in ("", "_lo", "_hi"):
        wide[f"{name}_pursuit{end}"] = pursuit[f"{name}{end}"]
write_table(snakemake.output.table, wide)

fits = []
for codes, scores in (("sae", table), ("pursuit", pursuit)):
    law = fit_power_law(scores["width"], scores["fvu"])
    level, level_se = fit_horizontal(scores["fvu_nonlinear"])
    fits.append(
        {
            "model": scores["model"][0],
            "site": scores["site"][0],
            "codes": codes,
            "c": law.c,
            "a": law.a,
            "m": law.m,
            "c_se": law.c_se,
            "a_se": law.a_se,
            "m_se": law.m_se,
            "horizontal": level,
            "horizontal_se": level_se,
        }
    )
write_rows(snakemake.output.fit, fits)
