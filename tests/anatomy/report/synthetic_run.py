"""Explorers of runs that never were: any number of latents and SAEs, and whatever text one wants in them.

python -m tests.anatomy.report.synthetic_run FOLDER [LATENTS] [SAES] [hostile]
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.report.shards.budget import Kept
from workflow_scripts.anatomy.report.shards.facts import (
    claims_of,
    model_of,
    quantities_of,
    run_of,
    saes_of,
)
from workflow_scripts.anatomy.report.shards.folder import assemble
from workflow_scripts.anatomy.report.shards.index import index_of
from workflow_scripts.anatomy.report.shards.latent_blocks import BLOCK, blocks_of
from workflow_scripts.anatomy.report.shards.model_text import slug_of_model
from workflow_scripts.anatomy.report.shards.page import asset_files, write_page
from workflow_scripts.anatomy.report.shards.sae_folder import write_sae
from workflow_scripts.anatomy.report.shards.shard import Shard, text_columns
from workflow_scripts.anatomy.report.templating import write_assets

WORDS = ("def", "return", "self", "error", "None", "the", "which", "import", "not", "path", "café")
SIGNS = ("(", ")", ":", ".", "=", "[", "]", "\n", "\t", ", ", "    ")
# What a page must show as it is and never obey; halves of emoji are in two tokens.
HOSTILE: tuple[bytes, ...] = (
    b"<script>globalThis.hacked=1</script>",
    b"<img src=x onerror=globalThis.hacked=1>",
    b"</script><!--",
    b'"><svg onload=globalThis.hacked=1>',
    "\u202eright to left".encode(),
    "\u2028\u2029".encode(),
    b"\r",
    b"\x00",
    b"\xf0\x9f",
    b"\x98\x80",
    b"\xe2\x80",
    b"\xff",
    "\u200b\ufeff".encode(),
    b"x" * 10_000,
    b"__proto__",
    b"&amp;",
)
HOSTILE_NAMES = (
    "javascript:alert(1)",
    "../../x",
    "__proto__",
    "<b>\u202ew64</b>",
    "\ud83d half",
    "'\";",
)
POSITIONS, CONTEXTS, FIRST = 64, 48, 4
BINS, SIDE, STRATA = 32, 10, 5
MODEL, SITE = "tiny", "blocks.1.hook_resid_post"


@dataclass(frozen=True)
class Synthetic:
    """What was written: the folder, the tables of latents and the arrays of each SAE, its descriptions, and
    the bytes of the tokens by id."""

    folder: Path
    tables: list[pd.DataFrame]
    arrays: list[dict[str, np.ndarray]]
    saes: list[dict]
    tokens: list[bytes]


def write_synthetic_run(
    folder: Path,
    latents: int = 200,
    saes: int = 3,
    hostile: bool = False,
    seed: int = 0,
    samples: int = 6,
    windows: int = 3,
    budget_mb: float = 30,
    blocks: bool = True,
    page: bool = True,
) -> Synthetic:
    """An explorer in `folder` (explorer.html, assets/, data/): `latents` over `saes` SAEs of one site.

    hostile: tokens, names of latents, findings, claims and SAEs are chosen to break a page. blocks: without, only
    the first SAE has files of its latents, for runs whose index alone is of interest.
    """
    generator = np.random.default_rng(seed)
    tokens = [each.encode() for each in [*(f" {word}" for word in WORDS), *WORDS, *SIGNS]]
    ordinary = len(tokens)
    tokens += HOSTILE if hostile else ()
    text = generator.integers(0, ordinary, (CONTEXTS, POSITIONS))
    if hostile:
        text[:, FIRST + 8 : FIRST + 8 + len(HOSTILE)] = np.arange(ordinary, len(tokens))
    names = [f"made-w{latents // saes}-{number}" for number in range(saes)]
    if hostile:
        names = [(*HOSTILE_NAMES, *names)[number] for number in range(saes)]
    widths = [latents // saes + (number < latents % saes) for number in range(saes)]
    tables = [table_of(generator, width, tokens, hostile) for width in widths]
    arrays = [
        arrays_of(
            generator, tables, names, number, len(tokens), windows if blocks or not number else 0
        )
        for number in range(saes)
    ]
    about, written = [], []
    for number, (name, width) in enumerate(zip(names, widths, strict=True)):
        own = slug(MODEL, SITE, name)
        numbers = {other: at for at, other in enumerate(names) if at != number}
        made = list(blocks_of(own, arrays[number], numbers)) if blocks or not number else []
        made.append(samples_shard(generator, own, width, samples))
        made.append(errors_shard(own))
        about.append(
            {
                "slug": own,
                "model": MODEL,
                "site": SITE,
                "sae": name,
                "architecture": ("topk", "standard")[number % 2],
                "width": width,
                "l0": 4.0 + number,
                "seed": 0,
                "meta": False,
                "decomposed": True,
                "dead": int((tables[number]["firings"] == 0).sum()),
                "blocks": -(-width // BLOCK),
                "samples": True,
            }
        )
        # Names of folders of their own: what an SAE is called is no part of them.
        path = folder / ".written" / str(number)
        write_sae(path, about[-1], made)
        written.append(path)
    cards = [card_of(generator, each) for each in about]
    model = {"name": MODEL, "d_model": 16, "n_layers": 2, "vocabulary": len(tokens)}
    words = slug_of_model(MODEL)
    columns, index = index_of(tables)
    shared = [
        (f"{words}/vocab.js", vocabulary_shard(words, tokens)),
        (f"{words}/tokens.js", tokens_shard(words, text)),
        ("saes.js", saes_of(about, cards)),
        ("claims.js", claims_of(claims_table(hostile))),
        ("stitched.js", Shard("stitched")),
        *((f"{shard.key}.js", shard) for shard in index),
    ]
    harvest = {"contexts": CONTEXTS, "positions": POSITIONS, "min_position": FIRST}
    harvest |= {"tokens": CONTEXTS * (POSITIONS - FIRST), "documents": 12}
    title = HOSTILE[0].decode() if hostile else "made up"

    def run(kept, lowered):
        settings = {**vars(kept), "window": 21, "budget_mb": budget_mb, "lowered": lowered}
        models = [model_of(words, {**model, "context_length": POSITIONS})]
        findings = [f"Finding {n} of {title}." for n in range(3)]
        facts = (models, [f"Text of {title}"], {MODEL: harvest}, findings, about, tables)
        return run_of(title, *facts, quantities_of(cards), columns, settings)

    assemble(folder / "data", written, shared, run, Kept(samples, windows, 1), budget_mb)
    if page:
        write_page(folder / "explorer.html", title)
        write_assets([folder / "assets" / file.name for file in asset_files()])
    return Synthetic(folder, tables, arrays, about, tokens)


def table_of(generator, width, tokens, hostile):
    """`latents.csv` of an SAE; about a tenth of its latents never fire."""
    counted = CONTEXTS * (POSITIONS - FIRST)
    firings = generator.integers(1, counted, width)
    firings[generator.random(width) < 0.1] = 0
    fires = firings > 0
    unknown = np.where(fires, 1.0, np.nan)
    error = generator.random(width) * firings * unknown
    error /= max(1e-9, np.nansum(error))
    drawn = generator.integers(0, len(tokens), (width, 3))
    shown = [" ".join(tokens[i].decode("utf-8", "replace")[:40] for i in row) for row in drawn]
    table = pd.DataFrame({"latent": np.arange(width), "firings": firings})
    table["density"] = firings / counted
    table["maximum"] = np.where(fires, 1 + 9 * generator.random(width), 0)
    table["mean_activation"] = table["maximum"] / 3 * unknown
    table["error_contribution"] = error
    table["error_contribution_lo"], table["error_contribution_hi"] = error * 0.9, error * 1.1
    table["linear_error_contribution"] = error * 0.4
    table["nonlinear_error_contribution"] = error * 0.6
    table["error_lift"] = (0.5 + generator.random(width)) * unknown
    table["ablation_gain"] = generator.normal(1, 1, width) * unknown
    table["decoder_norm"] = 1.0
    table["own_cosine"] = generator.random(width)
    table["max_cosine"] = generator.random(width) * unknown
    table["name"] = np.where(fires, shown, "")
    if hostile and width:
        table.loc[table.index[0], "name"] = (
            "=1+1 <img src=x onerror=globalThis.hacked=1> \u202eevil"
        )
    return table


def arrays_of(generator, tables, names, number, vocabulary, windows):
    """`latents.npz` of an SAE: `windows` strongest contexts of a latent and one of each stratum."""
    table = tables[number]
    width = len(table)
    alive = np.flatnonzero(table["firings"]) if windows else np.zeros(0, int)
    strata = np.array([0] * windows + list(range(1, STRATA + 1)))
    latent = np.repeat(alive, len(strata))
    stratum = np.tile(strata, len(alive))
    peak = generator.integers(FIRST, POSITIONS, len(latent))
    start = np.maximum(0, peak - 10)
    length = np.minimum(POSITIONS, peak + 11) - start
    low, high = np.array([200, 1, 27, 65, 129, 193]), np.array([256, 26, 64, 128, 192, 256])
    values = (generator.random(length.sum()) < 0.2) * generator.integers(1, 200, length.sum())
    at = np.cumsum(length) - length + peak - start
    values[at] = generator.integers(low[stratum], high[stratum])
    histogram = (
        generator.integers(0, 50, (width, BINS)) * (table["firings"].to_numpy() > 0)[:, None]
    )
    others = [at for at in range(len(tables)) if at != number and len(tables[at])]
    near = np.repeat(np.arange(width), len(others))
    sae = np.tile(np.arange(len(others)), width)
    found = {
        "window_latent": latent.astype(np.uint32),
        "window_stratum": stratum.astype(np.uint8),
        "window_context": generator.integers(0, CONTEXTS, len(latent)).astype(np.uint32),
        "window_start": start.astype(np.uint16),
        "window_length": length.astype(np.uint8),
        "window_peak": peak.astype(np.uint16),
        "window_values": values.astype(np.uint8),
        "stratum_share": np.full((width, STRATA), 1 / STRATA, np.float32),
        "histogram": histogram.astype(np.uint32),
        "near_saes": np.array([names[at] for at in others], dtype=np.str_),
        "near_latent": near.astype(np.uint32),
        "near_sae": sae.astype(np.uint16),
        "near_other": (near * 7 % max(1, min(map(len, tables)))).astype(np.uint32),
        "near_cosine": generator.random(len(near)).astype(np.float32),
        "logits_note": np.array("The final norm is folded in; its scale is left out."),
    }
    for name, sign in (("promoted", -1), ("suppressed", 1)):
        found[name] = generator.integers(0, vocabulary, (width, SIDE)).astype(np.uint32)
        found[f"{name}_logit"] = sign * np.sort(sign * generator.normal(size=(width, SIDE))).astype(
            "f4"
        )
    return found


def errors_shard(own):
    """``errors`` of an SAE, of all contexts."""
    error = np.random.default_rng(0).integers(0, 16, CONTEXTS * POSITIONS).astype(np.uint8)
    columns = {"contexts": np.arange(CONTEXTS, dtype=np.uint32), "error": error}
    return Shard(f"errors:{own}", {"scale": 0.5, "levels": 15}, columns)


def samples_shard(generator, own, width, samples):
    """``samples`` of an SAE: two latents fire at each token."""
    tokens = samples * POSITIONS
    error = generator.random(tokens)
    share = generator.random(tokens)
    columns = {
        "contexts": np.arange(samples, dtype=np.uint32) * 2,
        "x": (10 * np.ones(tokens)).astype("f4"),
        "error": error.astype("f4"),
        "linear": (error * share).astype("f4"),
        "nonlinear": (error * (1 - share)).astype("f4"),
        "l0": np.full(tokens, 2, np.uint16),
        "kl": generator.random(tokens).astype("f4"),
        "ce": generator.normal(size=tokens).astype("f4"),
        "code_offsets": np.arange(tokens + 1, dtype=np.uint32) * 2,
        "code_latent": generator.integers(0, max(1, width), 2 * tokens).astype(np.uint32),
        "code_value": generator.random(2 * tokens).astype("f4"),
    }
    return Shard(f"samples:{own}", {}, columns)


def vocabulary_shard(words, tokens):
    columns = {"ids": np.arange(len(tokens), dtype=np.uint32)} | text_columns("token", tokens)
    return Shard(f"vocab:{words}", {}, columns)


def tokens_shard(words, text):
    header = {
        "contexts": CONTEXTS,
        "positions": POSITIONS,
        "min_position": FIRST,
        "separator": None,
    }
    return Shard(f"tokens:{words}", header, {"tokens": text.ravel().astype(np.uint16)})


def card_of(generator, about):
    """The part of a card's JSON that the explorer reads."""
    fvu = float(generator.uniform(0.1, 0.3))
    measured = {"l0": (about["l0"], None, None), "fvu": (fvu, 0.9 * fvu, 1.1 * fvu)}
    labels = {"l0": "L0", "fvu": "FVU", "ce_recovered": "Loss recovered"}
    quantities = {}
    for key, label in labels.items():
        value, lo, hi = measured.get(key, (None, None, None))
        reason = None if key in measured else "needs interventions in the configuration"
        words = {"section": 4, "label": label, "sentence": f"What {label} is.", "unit": None}
        numbers = {"value": value, "lo": lo, "hi": hi, "reason": reason}
        quantities[key] = {**words, "better": "lower", "digits": 3, **numbers}
    return {"slug": about["slug"], "quantities": quantities}


def claims_table(hostile):
    """`claims.csv` with a claim of each verdict."""
    text = HOSTILE[1].decode() if hostile else "Larger SAEs have smaller errors."
    verdicts = ["holds", "does not hold", "undecided", "not testable (no such SAE)"]
    return pd.DataFrame(
        {
            "claim": [f"claim_{n}" for n in range(len(verdicts))],
            "paper": "made_up",
            "statement": text,
            "measured": [0.5, -0.5, 0.1, np.nan],
            "measured_lo": [0.4, -0.6, -0.1, np.nan],
            "measured_hi": [0.6, -0.4, 0.2, np.nan],
            "rule": "above 0",
            "verdict": verdicts,
            "note": "",
            "tables": "errors",
        }
    )


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    counts = [int(each) for each in rest if each.isdigit()]
    write_synthetic_run(Path(folder), *counts, hostile="hostile" in rest)
