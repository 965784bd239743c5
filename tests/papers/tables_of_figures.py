"""Small tables for every figure: those of the papers' worlds, with the columns that only figures read."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.canonical_units import dashboard_worlds, explanations_worlds, meta_worlds
from tests.papers.canonical_units import worlds as canonical_units
from tests.papers.dark_matter import worlds as dark_matter
from tests.papers.dark_matter.worlds import with_ends
from tests.papers.interpretable_features import figures as features_figures
from tests.papers.pathological_errors import figures as errors_figures

TOKENS = ("def", " self", "\n", "$x", "(", None, "None", " incrementally_long_name")


def tables_of(paper: str) -> dict[str, pd.DataFrame]:
    """The tables of all figures of a paper, by name."""
    return {
        "overview": _overview,
        "dark_matter": _dark_matter,
        "canonical_units": _canonical_units,
        "interpretable_features": features_figures.tables_of_figures,
        "pathological_errors": errors_figures.tables_of_figures,
    }[paper]()


def _overview() -> dict[str, pd.DataFrame]:
    sites = ("blocks.1.hook_resid_post", "blocks.2.hook_mlp_out")
    rows = [
        {"model": "planted", "site": site, "architecture": architecture, "width": width}
        | {"sae": f"{architecture}-w{width}-k{l0}-s0", "l0": l0, "seed": 0}
        for site, architecture, width, l0 in product(
            sites, ("batchtopk", "topk", "jumprelu"), (128, 512), (6, 24)
        )
    ]
    saes = pd.DataFrame(rows)
    saes["dead_latents"] = saes["width"] // 10
    saes["fvu"] = 2 / saes["l0"] / saes["width"] ** 0.2
    saes["fvu_nonlinear"], saes["error_r2"], saes["norm_r2"] = 0.6 * saes["fvu"], 0.4, 0.7
    log10 = pd.DataFrame({"log10_density": np.linspace(-5, -0.25, 20), "count": range(20)})
    steps = pd.DataFrame({"tokens": 5000 * np.arange(1, 11)})
    curves = saes.drop(columns=["architecture", "width"]).merge(steps, how="cross")
    curves["fvu"] *= 1 + 5000 / curves["tokens"]
    losses = [
        {"model": model, "split": split, "tokens": 1e5 * n, "loss": 3 + 4 / n}
        for model, split, n in product(("a", "b"), ("train", "validation"), range(1, 9))
    ]
    scores = ("fvu", "fvu_nonlinear", "error_r2", "norm_r2")
    return {
        "loss_curves": pd.DataFrame(losses),
        "training_curves": curves,
        "densities": saes.merge(log10, how="cross"),
        "summary": saes,
        "losses": with_ends(saes.assign(celr_mean=1 - saes["fvu"]), "celr_mean"),
        "effects": with_ends(saes.assign(ratio=1 + saes["fvu"]), "ratio"),
        "decomposition": with_ends(saes.copy(), *scores),
    }


def _dark_matter() -> dict[str, pd.DataFrame]:
    tables = dark_matter.paper_world()
    for name in ("fig1_fit", "fig9a_fit"):
        tables[name] = tables["fig1_fit"].assign(a=20.0, m=0.5)
    tables["fig3"] = tables["fig3"].assign(l0=60.0)
    for name in ("fig5", "fig12"):
        token = [TOKENS[at % len(TOKENS)] for at in tables[name]["position"]]
        tables[name] = tables[name].assign(token=token, width=tables[name]["width"].astype(int))
    shrinkage = tables["appendix_a1"]
    kinds = np.where(shrinkage["l0"] > 50, "jumprelu", "topk")
    tables["appendix_a1"] = shrinkage.assign(architecture=kinds)
    theory = tables["appendix_c1"]
    printed = (theory["distribution"] == "poisson") & (theory["rate"] == 1)
    tables["appendix_c1"] = theory.assign(rho_paper=np.where(printed, 0.73, np.nan))
    noises = tables["fig15"]
    noises["fvu"] = noises["fvu_nonlinear"] + 0.3 * noises["ablated_fraction"]
    noises["dense"], noises["introduced"] = 0.9 * noises["noise_x"], 0.8 * noises["noise_sae"]
    tables["fig15"] = with_ends(noises, "fvu", "dense", "introduced")
    directions = tables["appendix_d"]
    fraction = directions["ablated_fraction"]
    tables["appendix_d"] = directions.assign(fvu=1.1 * fraction, absent_variance=fraction)
    return tables


def _canonical_units() -> dict[str, pd.DataFrame]:
    tables = canonical_units.paper_world()
    tables["fig2"] = tables["fig2"].assign(atoms=6, compositions=9)
    tables["fig2_latents"] = _coloured_shapes()
    for name in ("fig5", "fig22"):
        tables[name] = tables[name].assign(n_latents=768 + 50 * tables[name]["step"])
    tables["fig11"] = tables["fig11"].assign(activation_cosine=[0.1, 0.9])
    tables |= dashboard_worlds.tables_of_figures()
    tables |= explanations_worlds.graph()
    tables |= meta_worlds.tables_of_figures()
    components = tables["fig15"]
    sides = zip(components["n_small"], components["n_large"], strict=True)
    kinds = ["-".join("1" if n == 1 else "nm"[at] for at, n in enumerate(each)) for each in sides]
    tables["fig15"] = components.assign(kind=[kind.replace("1-m", "1-n") for kind in kinds])
    tables["fig15_edges"] = _edges(tables["fig15"])
    rates = np.linspace(0, 1, len(tables["fig16"]))
    curve = {"fpr": rates, "tpr": rates**0.3, "threshold": rates, "novel_below": 0.5}
    tables["fig16"] = tables["fig16"].assign(**curve)
    tables["fig19"] = _shares()
    width = {name: int(name[1:]) for name in tables["fig20"]["sae"]}
    biases = tables["fig20"]
    widths = {"width": biases["sae"].map(width), "width_other": biases["other"].map(width)}
    tables["fig20"] = biases.assign(**widths)
    return tables


def _coloured_shapes() -> pd.DataFrame:
    """Perfect SAEs of the toy: a latent for every colour and shape, and for every coloured shape."""
    atoms = [*((at, np.nan) for at in range(3)), *((np.nan, at) for at in range(3))]
    names = [*atoms, *product(range(3), range(3))]
    rows = [
        {"dictionary_size": size, "seed": 0, "latent": latent, "colour": colour, "shape": shape}
        | {"cosine": 1.0 if own[latent] == (colour, shape) else 0.2}
        | {"matched": own[latent] == (colour, shape)}
        for size, own in ((6, names[:6]), (9, names[6:]))
        for latent, (colour, shape) in product(range(size), names)
    ]
    return pd.DataFrame(rows)


def _edges(components: pd.DataFrame) -> pd.DataFrame:
    """Every edge of the first component of each kind."""
    names = ["sae_small", "sae_large", "width_small", "width_large", "component", "kind"]
    rows = [
        {name: row[name] for name in names}
        | {"latent_small": small, "latent_large": large, "cosine": 0.8}
        for _, row in components.drop_duplicates("kind").iterrows()
        for small, large in product(range(row["n_small"]), range(row["n_large"]))
    ]
    return pd.DataFrame(rows)


def _shares() -> pd.DataFrame:
    """Between three seeds of one size, and between three sizes."""
    rows = [
        {"comparison": comparison, "sae_small": f"{a}", "sae_large": f"{b}"}
        | {"width_small": widths[a], "width_large": widths[b]}
        | {"seed_small": a, "seed_large": b, "reconstruction_share": 0.5 + 0.1 * a}
        for comparison, widths in (("seeds", (256,) * 3), ("sizes", (256, 512, 1024)))
        for a, b in product(range(3), range(3))
        if a != b
    ]
    return pd.DataFrame(rows)
