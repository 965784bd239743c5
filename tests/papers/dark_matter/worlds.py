"""Tables in which the claims of the dark-matter paper are true, and tables in which they are not."""

from itertools import product

import numpy as np
import pandas as pd

MODEL = "gemma-2-9b"
MAIN, EARLY, LATE = (f"blocks.{layer}.hook_resid_post" for layer in (20, 9, 31))
WIDTHS = [2.0**power for power in range(14, 18)]
L0S = [20.0, 60.0, 180.0]
TINY = 1e-5


def with_ends(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Every named column gets a very narrow interval."""
    for name in names:
        table[f"{name}_lo"], table[f"{name}_hi"] = table[name] - TINY, table[name] + TINY
    return table


def widened(world: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same numbers, with intervals that leave everything open."""
    wide = {}
    for name, table in world.items():
        of = [column.removesuffix("_lo") for column in table if column.endswith("_lo")]
        ends = {f"{each}_lo": -1e3 for each in of} | {f"{each}_hi": 1e3 for each in of}
        wide[name] = table.assign(**ends)
    return wide


def saes(site: str, widths=WIDTHS, l0s=L0S) -> pd.DataFrame:
    rows = [
        {"model": MODEL, "site": site, "sae": f"w{w:g}-{l0:g}", "width": w, "l0": l0, "seed": 0}
        for w, l0 in product(widths, l0s)
    ]
    return pd.DataFrame(rows)


def contours(site, norm, norm_w, norm_l0, error, error_w, error_l0, fvu_w, nonlinear, l0_power):
    """norm_l0: what is added at each of the three L0s; *_w, *_l0: per doubling; fvu_w, nonlinear:
    relative change per doubling of width of FVU and of FVU_nonlinear."""
    table = saes(site)
    w, l0 = np.log2(table["width"] / WIDTHS[0]), np.log2(table["l0"] / L0S[0])
    table["norm_r2"] = norm + norm_w * w + table["l0"].map(dict(zip(L0S, norm_l0, strict=True)))
    table["error_r2"] = error + error_w * w + error_l0 * l0
    table["fvu"] = 0.3 * (1 + fvu_w) ** w
    table["fvu_nonlinear"] = 0.1 * (1 + nonlinear) ** w * 2 ** (l0_power * l0)
    return with_ends(table, "norm_r2", "error_r2", "fvu", "fvu_nonlinear")


def scaling(gap, nonlinear, fvu_ratio, nonlinear_ratio, nonlinear_pursuit_w):
    """gap: of FVU and FVU_nonlinear at each width; ratios: after to before pursuit."""
    table = saes(MAIN, WIDTHS, [60.0])
    w = np.arange(len(WIDTHS))
    table["fvu_nonlinear"] = 0.1 * (1 + nonlinear) ** w
    table["fvu"] = table["fvu_nonlinear"] + gap
    table["fvu_pursuit"] = table["fvu"] * fvu_ratio
    table["fvu_nonlinear_pursuit"] = (
        table["fvu_nonlinear"] * nonlinear_ratio * (1 + nonlinear_pursuit_w) ** w
    )
    return with_ends(table, *(name for name in table if name.startswith("fvu")))


def layers(first, second, third, last, others):
    values = [first, *[others] * 2, *[second] * 3, *[third] * 3, *[others] * 2, last]
    table = pd.DataFrame({"layer": range(12), "norm_r2": values, "model": MODEL})
    table["site"], table["sae"] = [f"blocks.{n}.hook_resid_post" for n in range(12)], "near"
    return with_ends(table, "norm_r2")


def pairs(value, per_octave, c, decrease):
    rows = [
        {"model": MODEL, "width_small": a, "width_large": b, "octaves": np.log2(b / a)}
        for a, b in product(WIDTHS, WIDTHS)
        if a < b
    ]
    table = pd.DataFrame(rows)
    table["r2"] = value + per_octave * table["octaves"]
    table["c"], table["fvu_decrease"] = c, decrease
    return with_ends(table, "r2", "fvu_decrease")


def tokens(shared: bool, linear, nonlinear):
    generator = np.random.default_rng(1)
    base = generator.uniform(1, 3, 100)
    parts = []
    for at, width in enumerate(WIDTHS):
        noise = generator.uniform(1, 3, 100)
        norm = base * 0.9**at + 0.01 * noise if shared else noise
        columns = {"error_norm": norm, "linear_norm": base * (1 + linear) ** at}
        columns |= {"nonlinear_norm": base * (1 + nonlinear) ** at, "position": range(100)}
        parts.append(pd.DataFrame(columns | {"model": MODEL, "width": width}))
    return pd.concat(parts, ignore_index=True)


def vectors(**r2):
    rows = [
        {"vector": vector, "r2": value - 0.001 * at, "model": MODEL, "site": MAIN, "sae": f"s{at}"}
        for vector, value in r2.items()
        for at in range(4)
    ]
    return with_ends(pd.DataFrame(rows), "r2")


def error_saes(linear, nonlinear, last_step):
    rows = [
        {"component": component, "seed": seed, "fvu_held_out": value, "model": MODEL}
        for component, value in (("linear_error", linear), ("nonlinear_error", nonlinear))
        for seed in (0, 1)
    ]
    final = pd.DataFrame(rows)
    steps = pd.DataFrame({"step": range(1, 21), "tokens": [100 * n for n in range(1, 21)]})
    curve = final.merge(steps, how="cross")
    curve["fvu"] = np.where(curve["step"] == 20, last_step, 0.6)
    return final, curve


def interpretability(linear, nonlinear):
    rows = [
        {"component": component, "quantile": name, "accuracy": value, "latents": 100}
        for component, value in (("linear_error", linear), ("nonlinear_error", nonlinear))
        for name in ("Not", *(f"Q{decile}" for decile in range(1, 11)))
    ]
    return with_ends(pd.DataFrame(rows), "accuracy")


def interventions(linear, nonlinear):
    """linear, nonlinear: loss recovered, norm share, variance share, per cent."""
    parts = []
    for axis, table in (("width", saes(MAIN, l0s=[60.0])), ("l0", saes(MAIN, widths=WIDTHS[:1]))):
        for component, numbers in (("linear_error", linear), ("nonlinear_error", nonlinear)):
            named = dict(
                zip(("ce_recovered", "norm_share", "variance_share"), numbers, strict=True)
            )
            parts.append(table.assign(axis=axis, component=component, **named))
    return with_ends(pd.concat(parts, ignore_index=True), "ce_recovered")


def circuit(own, error, linear, nonlinear):
    """own: of nonlinear error; the others: of the three previous components."""
    rows = [{"source": "resid", "target": "nonlinear_error", "r2": own}]
    previous = ("resid_previous", "mlp_out", "attn_out")
    targets = {"error": error, "linear_error": linear, "nonlinear_error": nonlinear}
    for target, values in targets.items():
        for source, value in zip(previous, values, strict=True):
            rows.append({"source": source, "target": target, "r2": value})
    return with_ends(pd.DataFrame(rows).assign(model=MODEL), "r2")


def regressors(activation, others, first_activation, first_token):
    rows = []
    for layer, name in product(range(12), ("activation", "token", "l0", "activation_norm", "loss")):
        value = activation if name == "activation" else others
        if layer == 0 and name in ("activation", "token"):
            value = first_activation if name == "activation" else first_token
        rows.append({"layer": layer, "regressor": name, "r2": value, "model": MODEL})
    return with_ends(pd.DataFrame(rows), "r2")


def latents(factor):
    average = np.linspace(0.5, 5, 60)
    dots = factor * average + 0.01 * np.sin(np.arange(60))
    return with_ends(
        pd.DataFrame(
            {"latent": range(60), "average_activation": average, "probe_dot": dots, "model": MODEL}
        ).assign(firing_count=1000),
        "probe_dot",
    )


def noises(x_dense, sae_introduced, x_introduced, sae_dense, slope):
    table = pd.DataFrame(
        [
            ("noise_x", "dense", x_dense, 0.9842),
            ("noise_x", "introduced", x_introduced, 0.1417),
            ("noise_sae", "dense", sae_dense, 0.0988),
            ("noise_sae", "introduced", sae_introduced, 0.9036),
        ],
        columns=["noise", "estimate", "correlation", "paper"],
    ).assign(model=MODEL, reconstruction="masked")
    other = table.assign(correlation=0.5, reconstruction="reencoded")
    rows = [
        {
            "noise_x": x,
            "noise_sae": sae,
            "ablated_fraction": f,
            "fvu_nonlinear": sae + 0.1 + slope * f,
        }
        for x, sae, f in product((0, 0.1), (0, 0.1), (0, 0.5, 0.8))
    ]
    curves = pd.DataFrame(rows).assign(model=MODEL, reconstruction="masked")
    return with_ends(pd.concat([table, other]), "correlation"), with_ends(curves, "fvu_nonlinear")


def random_directions(height, peak):
    rows = [
        {
            "seed": s,
            "order": order,
            "ablated_fraction": f,
            "fvu_nonlinear": 0.3 - height * (f - peak) ** 2,
        }
        for s, order, f in product((0, 1, 2), ("random", "importance"), np.linspace(0, 1, 11))
    ]
    return with_ends(pd.DataFrame(rows), "fvu_nonlinear")


def norm_theory(at_one, formula_holds, bernoulli, lost):
    rates = np.array([0.1, 0.3, 1.0, 3.0])
    printed = 2 * rates**3 + 3 * rates**2 + rates
    printed /= np.sqrt(10 * rates**3 + rates) * np.sqrt(rates**3 + 2 * rates**2 + rates)
    poisson = printed if formula_holds else printed - 0.2
    table = pd.DataFrame({"distribution": "poisson", "rate": rates, "rho_monte_carlo": poisson})
    table.loc[table["rate"] == 1, "rho_monte_carlo"] = at_one
    exact = pd.DataFrame(
        {"distribution": "bernoulli", "rate": rates[:2], "rho_monte_carlo": bernoulli}
    )
    table = pd.concat([table, exact], ignore_index=True).assign(rate_profile="equal")
    table["rho_closed_form"] = table["rho_mean_weight"] = table["rho_monte_carlo"]
    table["rho_best_linear"] = table["rho_closed_form"] + lost
    return with_ends(table, "rho_monte_carlo")


def planted(bound, ideal, linear_introduced, linear_dense):
    """Biases: of Introduced as noise, in the ideal case, and what being linear adds."""
    rows = []
    cells = product(
        ("orthogonal", "tree"),
        ("inside", "outside"),
        ("noise", "shrinkage"),
        ("fitted", "complete"),
    )
    for structure, span, kind, asymptote in cells:
        noise = ideal if (structure, span) == ("orthogonal", "outside") else bound
        for component, added in (("introduced", linear_introduced), ("dense", linear_dense)):
            bias = noise + (added if kind == "shrinkage" else 0)
            cell = {"structure": structure, "dense_span": span, "introduced_kind": kind}
            cell |= {"asymptote": asymptote, "component": component, "bias": bias}
            rows.append(cell | {"planted_introduced": 0.05})
    return with_ends(pd.DataFrame(rows), "bias")


def shrinkage(norm_ratio, cosine):
    return with_ends(
        saes(MAIN).assign(norm_ratio=norm_ratio, cosine=cosine), "norm_ratio", "cosine"
    )


def fit(c):
    numbers = {"c": c, "c_se": 1e-4, "horizontal": 0.1, "horizontal_se": 1e-4}
    return pd.DataFrame(
        [{"model": MODEL, "codes": codes, **numbers} for codes in ("sae", "pursuit")]
    )


def paper_world() -> dict[str, pd.DataFrame]:
    """Every claim holds, but for the correlation at rate 1, which the paper's own formula denies."""
    final, curve = error_saes(0.54, 0.59, 0.6)
    table1, fig15 = noises(0.98, 0.9, 0.14, 0.1, 0.001)
    pair_table = pairs(0.95, -0.03, 0.9, 4.5)
    token_table = tokens(True, -0.3, 0.0)
    falling = np.array([0.2, 0.15, 0.12, 0.11])
    return {
        "fig2": contours(
            MAIN, 0.93, -0.004, (0, 0.006, 0.012), 0.55, -0.02, -0.02, -0.1, 0.0, -0.2
        ),
        "fig10": contours(EARLY, 0.93, -0.004, (0, 0, 0), 0.55, -0.02, -0.02, -0.2, -0.1, -0.2),
        "fig11": contours(
            LATE, 0.93, -0.004, (0, 0.006, -0.03), 0.55, -0.02, -0.02, -0.2, -0.1, -0.2
        ),
        "fig3": layers(0.70, 0.93, 0.90, 0.72, 0.91),
        "fig1": scaling(falling, 0.0, 0.96, 0.99, 0.0),
        "fig9a": scaling(falling, 0.0, 0.96, 0.99, 0.0),
        "fig1_fit": fit(0.15),
        "fig4": pair_table,
        "fig16": pair_table,
        "fig5": token_table,
        "fig12": token_table,
        "fig6": vectors(x=0.99, sae=0.97, error=0.8, linear_error=0.9, nonlinear_error=0.6),
        "fig7": interpretability(0.75, 0.70),
        "fig8": interventions((52, 50, 50), (48, 50, 50)),
        "fig9b": circuit(0.5, (0.06, 0.08, 0.10), (0.2, 0.2, 0.2), (0.04, 0.10, 0.14)),
        "fig13": regressors(0.9, 0.5, 0.6, 0.8),
        "fig14": latents(1.0),
        "fig15": fig15,
        "table1": table1,
        "sec5_2": curve,
        "sec5_2_final": final,
        "appendix_a1": shrinkage(0.9, 0.5),
        "appendix_c1": norm_theory(0.9045, True, 1.0, 0.0),
        "appendix_d": random_directions(1.0, 0.5),
        "planted_truth": planted(0.05, 0.0, -0.05, 0.05),
    }


def printed_world() -> dict[str, pd.DataFrame]:
    """As `paper_world`, with the printed number for rate 1."""
    return paper_world() | {"appendix_c1": norm_theory(0.73, True, 1.0, 0.0)}


def opposite_world() -> dict[str, pd.DataFrame]:
    """Most claims fail."""
    final, curve = error_saes(0.7, 0.5, 0.3)
    table1, fig15 = noises(0.0, 0.0, 0.9, 0.9, 1.0)
    pair_table = pairs(0.1, 0.05, 1.2, -3.0)
    token_table = tokens(False, 0.3, 0.2)
    rising = -0.05 + 0.005 * np.arange(4)
    falls = (0, -0.03, -0.028)
    return {
        "fig2": contours(MAIN, -0.3, 0.02, falls, -0.2, 0.02, 0.02, 0.6, 0.3, 0.2),
        "fig10": contours(EARLY, -0.3, 0.004, (0, 0, 0.002), 0.0, 0.02, 0.02, 0.3, 0.2, 0.2),
        "fig11": contours(LATE, 0.97, 0.004, (0, 0, 0.002), 0.9, 0.02, 0.02, 0.3, 0.2, 0.2),
        "fig3": layers(0.99, 0.1, 0.2, 0.99, 0.5),
        "fig1": scaling(rising, 0.3, 1.5, 0.3, 0.2),
        "fig9a": scaling(np.full(4, 0.1), 0.3, 4.0, 1.3, 0.2),
        "fig1_fit": fit(-0.05),
        "fig4": pair_table,
        "fig16": pair_table,
        "fig5": token_table,
        "fig12": token_table,
        "fig6": vectors(x=0.5, sae=0.0, error=0.3, linear_error=0.2, nonlinear_error=0.4),
        "fig7": interpretability(0.70, 0.75),
        "fig8": interventions((-60, 80, 50), (-60, 40, 50)),
        "fig9b": circuit(0.0, (-0.3, -0.2, -0.1), (0.9, 0.9, 0.9), (-3.0, -2.5, -2.0)),
        "fig13": regressors(0.1, 0.5, 0.1, 0.0),
        "fig14": latents(-1.0),
        "fig15": fig15,
        "table1": table1,
        "sec5_2": curve,
        "sec5_2_final": final,
        "appendix_a1": shrinkage(1.2, 0.95),
        "appendix_c1": norm_theory(0.99, False, 0.9, 0.1),
        "appendix_d": random_directions(-1.0, 0.5),
        "planted_truth": planted(-0.1, 0.2, 0.05, -0.05),
    }


def excessive_world() -> dict[str, pd.DataFrame]:
    """As `opposite_world`, wrong on the other side where a claim has two."""
    return opposite_world() | {
        "fig9b": circuit(0.5, (0.9, 0.9, 0.9), (0.9, 0.9, 0.9), (0.9, 0.9, 0.9)),
        "appendix_d": random_directions(1.0, 1.2),
    }
