"""An explorer of a run that never was: every file of the format, small or with very many latents."""

import shutil
from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.report.names import slug
from workflow_scripts.anatomy.report.shards.page import write_page
from workflow_scripts.anatomy.report.shards.shard import Shard, text_columns, write_shard
from workflow_scripts.anatomy.report.templating import ASSETS

MODEL, SITE, OTHER_SITE = "tiny model", "blocks.1.hook_resid_post", "blocks.0.hook_resid_pre"
CONTEXTS, POSITIONS, START, BLOCK = 12, 64, 5, 512
PLAIN = [" which", " that", " def", " return", "(", ")", ":", "\n", "\t", " error", " of", " None"]
# Tokens that a page could obey, or that would hide or turn around what is beside them.
HOSTILE = [
    "<script>globalThis.harmed=1</script>",
    "<img src=x onerror=globalThis.harmed=1>",
    "</script><!--",
    '"><svg onload=globalThis.harmed=1>',
    "\u202e",
    "\u2028",
    "\r",
    "\x00",
    "javascript:globalThis.harmed=1",
    "__proto__",
    "long" * 2500,
]
NOVEL_BELOW = 0.3
# Of the first latent of each block.
EXPLAINED = {"text": "fires on which", "n": 120, "misses": 9, "backend": "offline", "score": 0.75}
EXPLAINED |= {"accuracy_active": 0.625, "accuracy_silent": 0.875}
SHOWN_MISSES = 2
METAS = 6  # of the meta-SAE, where there is one
SPLIT = [b"\xf0\x9f", b"\x98\x80", b"\xe2\x80"]  # an emoji in halves, and half of something
TOKENS = [token.encode() for token in PLAIN + HOSTILE] + SPLIT
HOSTILE_SAE = "../<b>javascript:\u202e"
QUANTITIES = [("l0", "L0", "latents"), ("fvu", "FVU", ""), ("fvu_nonlinear", "FVU_nonlinear", "")]
COLUMNS = [
    ("density", "Density", "share"),
    ("error", "Error contribution", "share"),
    ("score", "Score", ""),
    ("cosine", "Cosine", ""),
    ("firings", "Firings", "tokens"),
    ("maximum", "Maximum", ""),
    ("error_lo", "Error contribution, low", "share"),
    ("error_hi", "Error contribution, high", "share"),
    ("error_lift", "Error lift", ""),
    ("novel", "Novel", ""),
    ("probe", "Probe", ""),
]
UNPROBED = "the probe is set against others"
NO_LOGITS = "What is decoded here has no logit weights."
GROUPS = ["silent", "alone", "1-1", "1-n", "n-1", "n-m"]
STITCHED = 12  # latents of the second SAE and of the first, of every group in turn


def f32(values):
    return np.asarray(values, "<f4")


def u(values, bits=32):
    return np.asarray(values, f"<u{bits // 8}")


class Site:
    """A folder like `results/<run>/report`, and what was planted in it.

    saes: as in `saes.js`. sae, latent, columns, names: the rows of the index. tokens: (contexts, positions).
    """

    def __init__(
        self,
        folder: Path,
        widths=(40, 64, 600),
        digest="0123456789abcdef",
        seed=0,
        meta=False,
        twice=False,
    ):
        """twice: the first SAE is not taken apart, and another site has one of its name; of the third KL is known."""
        self.folder, self.digest = folder, digest
        self.draw = np.random.default_rng(seed)
        (folder / "data").mkdir(parents=True)
        shutil.copytree(ASSETS, folder / "assets")
        write_page(folder / "explorer.html", "planted")
        self.saes = [self._sae(f"topk-w{width}", width) for width in widths]
        self.saes.append(self._sae(HOSTILE_SAE, 3))
        if twice:
            self.saes[0]["decomposed"] = False
            self.saes[2]["cells"]["kl"] = [1.5, 1.4, 1.6]
            name, other = self.saes[0]["sae"], {"site": OTHER_SITE}
            self.saes.append(self._sae(name, 5) | other | {"slug": slug(MODEL, OTHER_SITE, name)})
        if meta:
            self.saes.append(self._meta_sae())
        self._index()
        self._tokens()
        for number, sae in enumerate(self.saes):
            if sae["meta"]:
                self._parts(sae)
                continue
            for k in range(sae["blocks"] if sum(widths) < 5000 else 1):
                self._block(number, k)
            self._samples(sae)
            self._errors(sae)
        self._run()

    def write(self, path, key, header=None, columns=None, digest=None):
        shard = Shard(key, header or {}, columns or {}, digest or self.digest)
        write_shard(self.folder / "data" / path, shard)

    def _sae(self, name, width):
        fvu = 0.5 / np.log2(width + 2)
        cells = {"l0": [4.02, 3.9, 4.1], "fvu": [fvu, fvu * 0.9, fvu * 1.1], "fvu_nonlinear": None}
        return {
            "slug": slug(MODEL, SITE, name),
            "model": MODEL,
            "site": SITE,
            "sae": name,
            "architecture": "topk",
            "width": width,
            "l0": 4.02,
            "seed": 0,
            "meta": False,
            "decomposed": name != HOSTILE_SAE,
            "dead": 0,
            "blocks": -(-width // BLOCK),
            "samples": True,
            "cells": cells,
            "missing": {"fvu_nonlinear": "it is not among the `saes` that are taken apart"},
        }

    def _meta_sae(self):
        """Of the first SAE, and of as few latents as one can count."""
        name = "meta-of-topk-w40"
        about = self._sae(name, METAS) | {"meta": True, "apart": 0, "of": "topk-w40", "cells": {}}
        return about | {"blocks": 0, "samples": False, "decomposed": False, "missing": {}}

    def _parts(self, sae):
        """Each latent has two meta-latents, n and n + 1, the second half as strong; all others have none."""
        latents = np.repeat(np.arange(self.saes[0]["width"]), 2)
        metas = (latents + np.tile([0, 1], self.saes[0]["width"])) % METAS
        strengths = np.tile([0.8, 0.4], self.saes[0]["width"])
        others = [0, 1, 2]
        columns = {
            "part_latent": u(latents),
            "part_meta": u(metas),
            "part_strength": f32(strengths),
            "near_latent": u(np.repeat(np.arange(METAS), len(others))),
            "near_sae": u(np.tile(others, METAS), 16),
            "near_other": u(np.tile([5, 6, 7], METAS)),
            "near_cosine": f32(np.tile([0.5, 0.7, 0.6], METAS)),
        }
        key = f"parts:{sae['slug']}"
        self.write(f"{sae['slug']}/parts.js", key, {"rows": 40}, columns)

    def _index(self):
        widths = [sae["width"] for sae in self.saes]
        self.sae = np.repeat(np.arange(len(widths)), widths)
        self.latent = np.concatenate([np.arange(width) for width in widths])
        rows = len(self.sae)
        density = 10 ** self.draw.uniform(-4, -0.4, rows)
        density[self.draw.random(rows) < 0.1] = 0
        density[[0, 1]] = 0.01, 0.02
        error = np.where(density > 0, density * self.draw.uniform(0.01, 0.3, rows), np.nan)
        error[1] = 0.9
        dead = density == 0
        values = {
            "density": density,
            "error": error,
            "score": np.full(rows, np.nan),
            "cosine": np.where(dead, np.nan, self.draw.uniform(-0.1, 1, rows)),
            "firings": np.round(density * 1e4),
            "maximum": np.where(dead, np.nan, 4.0),
            "error_lo": error * 0.9,
            "error_hi": error * 1.1,
            "error_lift": np.where(dead, np.nan, self.draw.uniform(0.4, 2, rows)),
        }
        group = np.array(GROUPS)[self.latent % len(GROUPS)]
        stitched = (self.sae == 1) & (self.latent < STITCHED) & (group != "silent")
        values["novel"] = np.where(stitched, group == "alone", np.nan)
        values["probe"] = np.where(self.sae == 1, self.latent - 5.0, np.nan)
        self.columns = {name: f32(column) for name, column in values.items()}
        words = self.draw.integers(0, len(PLAIN), (rows, 3))
        self.names = ["".join(f"“{PLAIN[i].strip() or '↵'}”" for i in row) for row in words]
        self.names = ["" if d else name for name, d in zip(self.names, density == 0, strict=True)]
        self.names[0] = "<img src=x onerror=globalThis.harmed=1> \u202e.*(needle)"
        core = ("density", "error", "score", "cosine")
        self.write(
            "index-core.js",
            "index-core",
            columns={"sae": u(self.sae, 16), "latent": u(self.latent)}
            | {key: self.columns[key] for key in core},
        )
        for key in self.columns.keys() - set(core):
            self.write(f"index-{key}.js", f"index-{key}", columns={"value": self.columns[key]})
        self.write("names.js", "names", columns=text_columns("names", self.names))

    def _tokens(self):
        self.tokens = self.draw.integers(0, len(PLAIN), (CONTEXTS, POSITIONS))
        # The first context has all tokens that are not plain, one after the other.
        odd = np.arange(len(PLAIN), len(TOKENS))
        self.tokens[0, 10 : 10 + len(odd)] = odd
        model = slug(MODEL, "", "")
        self.model = {
            "name": MODEL,
            "slug": model,
            "d": 16,
            "layers": 2,
            "vocabulary": len(TOKENS),
            "context_length": POSITIONS,
        }
        shape = {"contexts": CONTEXTS, "positions": POSITIONS, "min_position": START}
        self.write(
            f"{model}/tokens.js",
            f"tokens:{model}",
            shape | {"separator": None},
            {"tokens": u(self.tokens.ravel(), 16)},
        )
        texts = text_columns("token", TOKENS)
        self.write(
            f"{model}/vocab.js",
            f"vocab:{model}",
            columns={"ids": u(np.arange(len(TOKENS))), **texts},
        )

    def _block(self, number, k):
        """Each latent that fires has its strongest window about position 20, and one a stratum; the first latent
        has windows that its explanation misses, too."""
        sae = self.saes[number]
        first = k * BLOCK
        n = min(sae["width"] - first, BLOCK)
        rows = np.flatnonzero(self.sae == number)[first : first + n]
        alive = np.flatnonzero(self.columns["density"][rows] > 0)
        missed = np.where(alive == 0, SHOWN_MISSES, 0)
        strata = np.concatenate([np.r_[:6, np.full(more, 6)] for more in missed]).astype(int)
        owner = np.repeat(alive, 6 + missed)
        start, length, peak = 8, 21, 18
        values = self.draw.integers(0, 20, (len(owner), length))
        values[:, peak - start] = np.array([255, 20, 40, 90, 150, 220, 200])[strata]
        others = [other for other in range(len(self.saes)) if other != number]
        top = np.argsort(self.draw.random((n, len(TOKENS))), 1)[:, :10]
        logits = -np.sort(-self.draw.uniform(0.1, 3, (n, 10)), 1)
        w, q = len(owner), n * len(others)
        near_sae = np.tile(others, n)
        columns = {
            "window_latent": u(owner),
            "window_stratum": u(strata, 8),
            "window_context": u((owner + strata) % CONTEXTS),
            "window_start": u(np.full(w, start), 16),
            "window_length": u(np.full(w, length), 8),
            "window_peak": u(np.full(w, peak - start), 8),
            "window_values": u(values.ravel(), 8),
            "stratum_share": f32(np.tile([0.4, 0.3, 0.2, 0.07, 0.03], n)),
            "histogram": u(np.tile(np.arange(32, 0, -1), n)),
            "promoted": u(top.ravel()),
            "suppressed": u(top[:, ::-1].ravel()),
            "promoted_logit": f32(logits.ravel()),
            "suppressed_logit": f32(-logits.ravel()),
            "near_latent": u(np.repeat(np.arange(n), len(others))),
            "near_sae": u(near_sae, 16),
            "near_other": u([self.draw.integers(self.saes[s]["width"]) for s in near_sae]),
            "near_cosine": f32(self.draw.uniform(0, 1, q)),
        }
        name = sae["slug"]
        logits = "The norm's scale is folded in."
        if sae["sae"] == HOSTILE_SAE:
            logits = NO_LOGITS
            for key in ("promoted", "suppressed", "promoted_logit", "suppressed_logit"):
                del columns[key]
        note = {"logits_note": logits, "explanations": {"0": EXPLAINED}}
        self.write(f"{name}/lat-{k}.js", f"lat:{name}:{k}", note, columns)

    def _errors(self, sae):
        """A token misses as many fifteenths of 60 % as its position has over 16; the first ones are unknown."""
        error = np.tile(
            np.where(np.arange(POSITIONS) < START, 255, np.arange(POSITIONS) % 16), CONTEXTS
        )
        columns = {"contexts": u(np.arange(CONTEXTS)), "error": u(error, 8)}
        key = f"errors:{sae['slug']}"
        self.write(f"{sae['slug']}/errors.js", key, {"scale": 0.6, "levels": 15}, columns)

    def _samples(self, sae):
        n = 4 * POSITIONS
        x = self.draw.uniform(5, 9, n)
        nonlinear = x * self.draw.uniform(0.05, 0.2, n)
        ce = self.draw.normal(0, 1, n)
        columns = {
            "contexts": u([0, 3, 5, 7]),
            "x": f32(x),
            "error": f32(nonlinear * 1.5),
            "linear": f32(nonlinear * 0.5),
            "nonlinear": f32(nonlinear),
            "l0": u(np.full(n, 2), 16),
            "kl": f32(np.full(n, np.nan)),
            "ce": f32(ce),
            "code_offsets": u(np.arange(n + 1) * 2),
            "code_latent": u(self.draw.integers(0, sae["width"], n * 2)),
            "code_value": f32(self.draw.uniform(0.5, 4, n * 2)),
        }
        self.write(f"{sae['slug']}/samples.js", f"samples:{sae['slug']}", columns=columns)

    def _run(self):
        about = [
            {
                "key": k,
                "label": label,
                "sentence": f"What {label} means.",
                "unit": unit,
                "digits": 0 if k == "novel" else 3,
                "reason": UNPROBED if k == "probe" else "",
            }
            for k, label, unit in COLUMNS
        ]
        quantities = [
            {"key": k, "label": label, "sentence": f"{label}.", "unit": unit, "digits": 3}
            | {"better": "none"}
            for k, label, unit in QUANTITIES
        ]
        door = {"sae": self.saes[0]["slug"], "latent": 1, "density": 0.02}
        seen = {"contexts": CONTEXTS, "positions": POSITIONS, "min_position": START}
        header = {
            "format": 1,
            "name": "planted",
            "models": [self.model],
            "text": ["Words of no language."],
            "harvest": {MODEL: seen | {"tokens": 708, "documents": 12}},
            "findings": ["FVU falls from 0.1 to 0.05 as SAEs grow."],
            "main": {"model": MODEL, "site": SITE},
            "doors": {"largest_error": door | {"error_contribution": 0.9, "error_lift": 1.06}},
            "quantities": quantities,
            "columns": about,
            "settings": {"samples": 4, "windows": 22, "neighbours": "all", "lowered": []}
            | {"novel_below": NOVEL_BELOW},
        }
        self.write("run.js", "run", header)
        self._stitched()
        self.write("saes.js", "saes", {"saes": self.saes})
        claim = {
            "id": "some_paper/much",
            "claim": "much",
            "paper": "some_paper",
            "where": "Section 1",
            "statement": "Much of the error is linear.",
            "paper_value": "0.5",
            "measured": 0.61,
            "measured_lo": 0.58,
            "measured_hi": 0.64,
            "rule": "above 0.5",
            "verdict": "holds",
            "note": "",
            "interval": "documents",
            "tables": "table",
        }
        other = claim | {
            "id": "some_paper/none",
            "claim": "none",
            "verdict": "not testable here (no table)",
            "measured": None,
        }
        third = claim | {"id": "a_paper/little", "paper": "a_paper", "claim": "little"}
        third |= {"statement": "Little is nonlinear.", "verdict": "undecided", "tables": "one two"}
        self.write("claims.js", "claims", {"claims": [other, claim, third]})

    def _stitched(self):
        rows = [(1, n, 1, 0) for n in range(STITCHED)] + [(0, n, 0, 1) for n in range(STITCHED)]
        sae, latent, larger, other = np.transpose(rows)
        delta = np.where(larger, -0.25, np.nan)
        columns = {
            "sae": u(sae, 16),
            "latent": u(latent),
            "larger": u(larger, 8),
            "other": u(other, 16),
            "group": u(latent % 6, 8),
            "n_small": u(np.full(24, 3)),
            "n_large": u(np.full(24, 4)),
            "nearest": u(np.full(24, 2)),
            "cosine": f32(np.full(24, 0.875)),
            "threshold": f32(np.full(24, NOVEL_BELOW)),
            "delta_mse": f32(delta),
            "delta_mse_lo": f32(delta - 0.125),
            "delta_mse_hi": f32(delta + 0.125),
            "mse_small": f32(np.full(24, 50)),
        }
        self.write("stitched.js", "stitched", {"groups": GROUPS}, columns)

    @property
    def address(self) -> str:
        return (self.folder / "explorer.html").as_uri()

    def route(self, *parts, query="") -> str:
        from urllib.parse import quote

        return f"#/{'/'.join(quote(str(part), safe='') for part in parts)}{query}"

    def latent_route(self, row: int) -> str:
        about = self.saes[self.sae[row]]
        return self.route("latent", about["site"], about["sae"], self.latent[row])
