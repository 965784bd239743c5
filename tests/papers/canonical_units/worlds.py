"""Tables in which the claims of the canonical-units paper are true, and tables in which they are not."""

from itertools import pairwise, product

import numpy as np
import pandas as pd

from tests.papers.canonical_units import (
    dashboard_worlds,
    explanations_worlds,
    meta_worlds,
    probing_worlds,
)
from tests.papers.dark_matter.worlds import with_ends
from workflow_scripts.papers.canonical_units.claims.paper import GEMMA, GPT2, PRINTED, TABLE_2

MAIN = {"model": GPT2[0], "site": "blocks.8.hook_resid_pre"}
SECOND = {"model": GEMMA[0], "site": "blocks.12.hook_resid_post"}
WIDTHS = (768, 1536, 3072)


def pair(small: int, large: int, where: dict = MAIN) -> dict:
    names = {"sae_small": f"w{small}", "sae_large": f"w{large}"}
    return where | names | {"width_small": small, "width_large": large}


def toy(small_l0, large_l0, atoms, compositions):
    rows = [
        {"dictionary_size": size, "seed": seed, "l0": l0 + 0.001 * seed, "mse": 0.1}
        | {"atoms_recovered": atoms, "compositions_recovered": compositions}
        for size, l0 in ((6, small_l0), (9, large_l0))
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def insertions(novel, reconstruction, outliers, where, threshold):
    """novel, reconstruction: change of MSE of nine tenths of these latents, the others' is opposite;
    outliers: cosine of the four with the largest effects. Latents that never fire change the bias."""
    high = threshold + 0.05
    parts = []
    for change, low, top, is_novel in (
        (novel, 0.1, threshold - 0.05, True),
        (reconstruction, high, 0.98, False),
    ):
        deltas = np.full(200, change)
        deltas[::10] *= -1
        columns = {"max_cosine": np.linspace(low, top, 200), "delta_mse_latent": deltas}
        parts.append(pd.DataFrame(columns | {"novel": is_novel, "activation_frequency": 0.01}))
    dead = parts[0].assign(delta_mse_latent=np.sign(-novel) * 1e-4, activation_frequency=0.0)
    table = pd.concat([*parts, dead], ignore_index=True)
    largest = table.index[table["activation_frequency"] > 0][[7, 8, 207, 208]]
    table.loc[largest, "max_cosine"] = outliers
    table.loc[largest, "delta_mse_latent"] *= 1000
    table = table.assign(threshold=threshold, **where)
    return with_ends(table, "delta_mse_latent")


def roc(area):
    return with_ends(pd.DataFrame([pair(768, 1536) | {"auc": area}] * 5), "auc")


def all_added(change):
    rows = [
        pair(768, 1536) | {"order": order, "n_added": n, "mse_change": change * n / 657}
        for order in range(3)
        for n in (0, 300, 657)
    ]
    return with_ends(pd.DataFrame(rows), "mse_change")


def path(insert, swap, bump, where, widths=WIDTHS):
    """insert, swap: relative change of MSE and of L0 by each phase; bump: on the way, of MSE."""
    rows, step = [], 0
    for small, large in pairwise(widths):
        mse, l0 = 2.0, 40.0
        for phase, (mse_by, l0_by) in (
            ("start", (0, 0)),
            ("insert", insert),
            ("swap", swap),
            ("remove", (0, 0)),
        ):
            for half in (0.5, 1.0):
                at = {"mse": mse * (1 + half * mse_by), "l0": l0 * (1 + half * l0_by)}
                if phase == "swap" and half < 1:
                    at["mse"] *= 1 + bump
                rows.append(pair(small, large, where) | {"step": step, "phase": phase} | at)
                step += 1
            mse, l0 = mse * (1 + mse_by), l0 * (1 + l0_by)
    return with_ends(pd.DataFrame(rows), "mse", "l0")


def swaps(raising, lowering_l0, growth, counts):
    """raising, lowering_l0: shares of swaps; growth: of effects from pair to pair."""
    parts = []
    for at, ((small, large), n) in enumerate(zip(pairwise(WIDTHS), counts, strict=True)):
        spread = np.linspace(0.8, 1.2, n) * growth**at
        raises, lowers = (np.arange(n) < share * n for share in (raising, lowering_l0))
        columns = {
            "delta_mse": np.where(raises, 0.01, -0.05) * spread,
            "delta_l0": np.where(lowers, -0.02, 0.02) * spread,
        }
        columns |= {f"{name}_percent": 50 * change for name, change in columns.items()}
        parts.append(pd.DataFrame(columns | {"swap": range(n)}).assign(**pair(small, large)))
    table = pd.concat(parts, ignore_index=True)
    return with_ends(table, *(name for name in table if name.startswith("delta")))


def histogram(counts):
    """counts: of latents spread evenly between two cosines."""
    edges = np.linspace(-1, 1, 101).round(2)
    total = np.zeros(100, int)
    novel = 0
    for low, high, n in counts:
        values = np.linspace(low, high, n, endpoint=False)
        novel += int((values < 0.7).sum())
        total += np.histogram(values, edges)[0]
    table = pd.DataFrame({"max_cosine": edges[:-1], "count": total, "novel_latents": novel})
    return table.assign(threshold=0.7, **pair(768, 1536))


def similarities(r2):
    table = pd.DataFrame({"decoder_cosine": [0.2, 0.9], "r2": r2, "above": 0.5})
    return with_ends(table.assign(**pair(768, 1536)), "r2")


def novel_latents(small, large):
    """small, large: MSE where the latent is inactive, and where it is active."""
    rows = [
        pair(768, 1536)
        | {"latent": latent, "active": active, "tokens": 100}
        | {
            f"mse_{size}": mse[active] * (1 + 0.002 * latent * active)
            for size, mse in (("small", small), ("large", large))
        }
        for active, latent in product((True, False), range(20))
    ]
    table, names = pd.DataFrame(rows), ["mse_small", "mse_large"]
    by_latent = table.groupby(["active", "latent"])[names].first()
    increase = (by_latent.loc[True] - by_latent.loc[False]).loc[table["latent"]]
    table["increase_small"], table["increase_large"] = increase.to_numpy().T
    table["increase_gap"] = table["increase_small"] - table["increase_large"]
    return with_ends(table, *names, *(f"increase_{of}" for of in ("small", "large", "gap")))


def components(*sizes):
    """sizes: (n_small, n_large, how many)."""
    rows = [(small, large) for small, large, n in sizes for _ in range(n)]
    table = pd.DataFrame(rows, columns=["n_small", "n_large"])
    return table.assign(component=range(len(table)), **pair(768, 1536))


def shares(seeds, sizes):
    rows = [pair(3072, 3072) | {"comparison": "seeds", "reconstruction_share": seeds}] * 2
    for small, large in product(WIDTHS, WIDTHS):
        if small != large:
            share = sizes if small < large else 0.99
            rows.append(pair(small, large) | {"comparison": "sizes", "reconstruction_share": share})
    return with_ends(pd.DataFrame(rows), "reconstruction_share")


def biases(cosine, norm_ratio, change):
    rows = [
        MAIN | {"sae": f"w{a}", "other": f"w{b}", "cosine": cosine, "mse_change": change}
        for a, b in product(WIDTHS, WIDTHS)
        if a != b
    ]
    return with_ends(pd.DataFrame(rows).assign(norm_ratio=norm_ratio), "mse_change")


def printed_saes():
    """Table 2 as it is printed, and an SAE of another layer beside it."""
    rows = [
        (MAIN if model == GPT2 else SECOND)
        | {"sae": f"w{width}", "architecture": "standard", "width": width, "seed": np.nan}
        | {"trained_as": "release"}
        | dict(zip(PRINTED, numbers, strict=True))
        for model, printed in TABLE_2.items()
        for width, numbers in printed.items()
    ]
    other = {"site": "blocks.5.hook_resid_post", "mse": 99.0, "celr_zero": 0.5, "celr_mean": 0.4}
    table = pd.DataFrame([*rows, rows[-1] | other])
    return with_ends(table, "mse", "celr_zero", "celr_mean")


def reversed_saes():
    table = printed_saes()
    table = table[table["site"] != "blocks.5.hook_resid_post"].reset_index(drop=True)
    for _, rows in table.groupby("model"):
        for name in ("mse", "celr_zero", "celr_mean"):
            table.loc[rows.index, name] = rows[name].to_numpy()[::-1] * (2 if name == "mse" else 1)
    table["celr_zero"], table["celr_mean"] = table["celr_mean"] - 0.1, table["celr_zero"] - 0.05
    table["l0"] *= 2
    return with_ends(table, "mse", "celr_zero", "celr_mean")


def comparison(
    advantage, l0_factor, where=MAIN, widths=(3072, 12288), ks=(16, 32, 64), width=12288
):
    """advantage: (column, other architecture, k) -> by how much BatchTopK's number is lower."""
    rows = []
    cells = [("size", each, 32) for each in widths] + [("sparsity", width, each) for each in ks]
    for (panel, size, k), seed in product(cells, (0, 1)):
        for architecture in ("batchtopk", "topk", "jumprelu"):
            if architecture == "jumprelu" and panel == "size":
                continue
            row = where | {"sae": f"{architecture}-w{size}-k{k}-s{seed}", "width": size, "k": k}
            row |= {"architecture": architecture, "seed": seed, "comparison": panel}
            row["l0"] = k * (1 if architecture == "topk" else l0_factor)
            for column in ("nmse", "ce_degradation"):
                lower = 0 if architecture == "batchtopk" else advantage(column, architecture, k)
                row[column] = 0.1 * (1 + 1e-4 * seed) / (1 - lower)
            rows.append(row)
    return with_ends(pd.DataFrame(rows), "nmse", "ce_degradation")


def distributions(batchtopk, topk, bos, bos_count):
    """batchtopk, topk: active latents on tokens, as many of each; bos: on bos_count BOS tokens."""
    rows = []
    for architecture, active in (("batchtopk", batchtopk), ("topk", topk)):
        who = MAIN | {"sae": f"{architecture}-s0", "architecture": architecture, "width": 12288}
        rows += [who | {"active_latents": n, "bos": False, "count": 10} for n in active]
        where = bos if architecture == "batchtopk" else topk[0]
        rows.append(who | {"active_latents": where, "bos": True, "count": bos_count})
    return pd.DataFrame(rows)


def paper_world() -> dict[str, pd.DataFrame]:
    """Every claim holds."""

    def on_gemma(column, other, k):
        worse = column == "ce_degradation" and other == "jumprelu" and k > 16
        return -0.1 if worse else 0.1

    return {
        "fig2": toy(2.0, 1.0, 6, 9),
        "fig4": insertions(-0.01, 0.02, 0.99, pair(768, 1536), 0.7),
        "fig5": path((-0.1, 0.2), (-0.05, -0.1), 0.0, MAIN),
        "fig7": comparison(lambda *_: 0.1, 1.01),
        "fig8": comparison(on_gemma, 1.01, SECOND, widths=(16384,), width=16384),
        "fig9": distributions(range(1, 95), [32], 2, 100),
        "fig10": histogram(((-0.1, 0.7, 657), (0.7, 0.9, 200), (0.9, 1.0, 679))),
        "fig11": similarities(0.87),
        **dashboard_worlds.paper_world(),
        **explanations_worlds.paper_world(),
        **meta_worlds.paper_world(),
        "fig14": novel_latents((2.703, 3.292), (2.225, 2.518)),
        "fig15": components((1, 1, 30), (1, 2, 20), (1, 4, 5), (2, 1, 3), (2, 3, 3)),
        "fig16": roc(0.85),
        "fig17": swaps(0.8, 1.0, 0.5, (60, 120)),
        "fig18": all_added(-9.6),
        "fig19": shares(0.94, 0.6),
        "fig20": biases(0.9985, 1.0005, 0.1),
        "fig21": insertions(-0.01, 0.02, 0.99, pair(16384, 32768, SECOND), 0.4),
        "fig22": path((-0.1, 0.2), (-0.05, -0.1), 0.0, SECOND, (16384, 32768)),
        **probing_worlds.paper_world(),
        "table2": printed_saes(),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    """Every claim fails."""

    def on_gemma(column, other, k):
        worse = column == "ce_degradation" and other == "jumprelu" and k > 16
        return 0.1 if worse else -0.1

    return {
        "fig2": toy(1.0, 2.0, 2, 2),
        "fig4": insertions(0.01, -0.02, 0.2, pair(768, 1536), 0.7).query(
            "delta_mse_latent >= 0 or not novel"
        ),
        "fig5": path((0.4, -0.2), (0.5, 0.1), 0.5, MAIN),
        "fig7": comparison(lambda *_: -0.1, 1.5),
        "fig8": comparison(on_gemma, 1.5, SECOND, widths=(16384,), width=16384),
        "fig9": distributions(range(30, 36), range(20, 40), 35, 2),
        "fig10": histogram(((-0.1, 0.1, 1400), (0.1, 0.7, 96), (0.7, 0.9, 40))),
        "fig11": similarities(0.1),
        **dashboard_worlds.opposite_world(),
        **explanations_worlds.opposite_world(),
        **meta_worlds.opposite_world(),
        "fig14": novel_latents((3.292, 2.703), (2.518, 2.4)),
        "fig15": components((1, 1, 30)),
        "fig16": roc(0.3),
        "fig17": swaps(0.2, 0.2, 2.0, (120, 60)),
        "fig18": all_added(5.0),
        "fig19": shares(0.3, 0.6),
        "fig20": biases(0.5, 1.5, 40.0),
        "fig21": insertions(0.01, -0.02, 0.2, pair(16384, 32768, SECOND), 0.4),
        "fig22": path((0.4, -0.2), (0.5, 0.1), 0.5, SECOND, (16384, 32768)),
        **probing_worlds.opposite_world(),
        "table2": reversed_saes(),
    }


def excessive_world() -> dict[str, pd.DataFrame]:
    """As `opposite_world`, where insertions lower the MSE, without which swaps are not judged."""
    return (
        opposite_world()
        | probing_worlds.excessive_world()
        | {
            "fig5": path((-0.1, -0.2), (0.5, 0.1), 0.5, MAIN),
            "fig22": path((-0.1, -0.2), (0.5, 0.1), 0.5, SECOND, (16384, 32768)),
        }
    )
