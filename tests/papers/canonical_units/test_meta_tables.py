"""The tables about meta-SAEs, from files of SAEs to their columns, against plain loops."""

from types import SimpleNamespace as Named

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from tests.running import run_script
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.setup.catalogue import Sae
from workflow_scripts.papers.canonical_units.meta.plan import meta_plan
from workflow_scripts.papers.canonical_units.tables import fig6, fig23, meta_sae

D, DRAWS = 8, 60
TRAINING = {"steps": 30, "batch_size": None, "learning_rate": 0.01}
TRAINING |= {"warmup_fraction": 0.05, "decay_fraction": 0.3}
BLOCK = {"model": "planted", "site": SITE, "saes": ["relu"], "target_l0": 4, "width": None, "k": 2}
BLOCK |= {"meta_width": 12, "seeds": [0], "architectures": ["batchtopk", "topk", "standard"]}
BLOCK |= {"learning_rates": None, "coefficients": [0.1, 1.0], "training": TRAINING}
TRAINED_BY = "workflow_scripts.papers.canonical_units.meta.trained"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three SAEs with their codes, a quarter of the latents silent, and all meta-SAEs of a plan."""
    folder = tmp_path_factory.mktemp("run")
    activations = write_activations(folder / "harvest.zarr", correlated(8, 10, D))
    saes, files = [], {}
    for width in (16, 24, 48):
        name = f"relu-w{width}"
        about = {"name": name, "architecture": "standard", "model": "planted", "site": SITE}
        sae = random_dictionary(D, width, metadata=about | {"seed": 0, "nominal_l0": None})
        sae.b_enc[::4] = -100.0
        files[name] = (str(folder / f"{name}.safetensors"), str(folder / f"{name}.codes.zarr"))
        sae.save(files[name][0])
        reconstruct(sae, activations, SITE, files[name][1])
        saes.append(Sae(name, "relu", "trained", "planted", SITE, "standard", width, None, 0, ()))
    plan = meta_plan(BLOCK, saes)
    for meta in plan.trained:
        own = folder / meta.name
        given = {"sae": files[meta.sae.name][0], "codes": files[meta.sae.name][1]}
        given["counted"] = [files[sae.name][1] for sae in meta.no_more_than]
        kept = meta.decoder != "trained"
        given["main"] = [str(folder / "main-s0" / "sae.safetensors")] if kept else []
        given["nearest"] = list(files[meta.nearest.name]) if meta.nearest else []
        output = {"sae": own / "sae.safetensors", "sae_lens": own / "sae_lens" / "cfg.json"}
        run_script(
            "train_meta_sae",
            folder / f"{meta.name}.log",
            input=given,
            output=output | {"curve": own / "training_curve.csv"},
            params={"trained_by": TRAINED_BY, "meta": plan.blocks(meta)[0], "device": "cpu"}
            | {"threads": 1},
        )
    return plan, files, folder


def given(run, metas):
    plan, files, folder = run
    family = [files[sae.name] for sae in plan.family]
    return Named(
        meta_saes=[folder / meta.name / "sae.safetensors" for meta in metas],
        curves=[folder / meta.name / "training_curve.csv" for meta in metas],
        saes=[sae for sae, _ in family],
        codes=[codes for _, codes in family],
    )


def settings(plan, metas):
    return Named(metas=plan.blocks(*metas), bootstrap=DRAWS, seed=0, threshold=0.7)


def firing_rows(run, name):
    """Unit decoder rows of the latents that fire: all but every fourth, and those that never do."""
    from workflow_scripts.anatomy.codes.store import open_codes

    sae, codes = run[1][name]
    fires = open_codes(codes).latents("firing_count") > 0
    assert not fires[::4].any()
    rows = load_dictionary(sae).W_dec.double().numpy()[fires]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), np.flatnonzero(fires)


def test_every_meta_sae_has_a_row(run):
    plan, _, folder = run
    metas = plan.but("replaced")
    tables = meta_sae.tabulate(given(run, metas), settings(plan, metas))
    final = tables["final"].set_index("meta_sae")
    assert list(final.index) == [meta.name for meta in metas]
    main, w = final.loc["main-s0"], firing_rows(run, "relu-w48")[0]
    assert (main["width"], main["n_rows"], main["meta_width"]) == (48, len(w), 12)
    dictionary = load_dictionary(folder / "main-s0" / "sae.safetensors")
    rebuilt = dictionary.reconstruct(torch.from_numpy(w).float())[1].double().numpy()
    explained = 1 - ((w - rebuilt) ** 2).sum() / ((w - w.mean(0)) ** 2).sum()
    assert main["variance_explained"] == pytest.approx(explained, rel=1e-5)
    active = (dictionary.encode(torch.from_numpy(w).float()).to_dense(12) > 0).sum(1).double()
    assert main["active_sd"] == pytest.approx(float(active.std(correction=0)))
    assert set(final["l0_set_on"]) == {"the same directions"}
    assert main["variance_explained_lo"] < explained < main["variance_explained_hi"]
    assert final.loc["all_latents-s0", "n_rows"] == 48
    few = min(len(firing_rows(run, sae.name)[0]) for sae in plan.family)
    assert set(final.loc[final["part"] == "width", "n_rows"]) == {few}
    for name, row in final[final["reference"].notna()].iterrows():
        ahead = final.loc[row["reference"], "variance_explained"] - row["variance_explained"]
        assert row["gap"] == pytest.approx(ahead), name
        more = final.loc[row["reference"], "active_sd"] - row["active_sd"]
        assert row["active_sd_gap"] == pytest.approx(more), name
    assert final.loc[final["reference"].isna(), "gap"].isna().all()
    assert final.loc["standard-s0", "coefficient"] in (0.1, 1.0)
    curves = tables["table"]
    assert set(curves["meta_sae"]) == set(final.index)
    assert curves.groupby("meta_sae")["epoch"].max().eq(30).all()


def test_cosines_are_those_of_every_pair(run):
    plan, _, folder = run
    metas = plan.compared
    tables = fig6.tabulate(given(run, metas), settings(plan, metas))
    table, summary = tables["table"], tables["summary"]
    assert set(table["directions"]) == {"meta_latents", "same_covariance", "random"}
    own = normalize(load_dictionary(folder / "main-s0" / "sae.safetensors").W_dec, dim=1)
    for sae in plan.family:
        rows, numbers = firing_rows(run, sae.name)
        every = own.double().numpy() @ rows.T
        part = table[(table["sae"] == sae.name) & (table["directions"] == "meta_latents")]
        at = part["meta_latent"].to_numpy()
        np.testing.assert_allclose(part["max_cosine"], every.max(1)[at], atol=1e-6)
        np.testing.assert_array_equal(part["nearest"], numbers[every.argmax(1)[at]])
        row = summary[(summary["sae"] == sae.name) & (summary["directions"] == "meta_latents")]
        (row,) = row.to_dict("records")
        assert row["median_max_cosine"] == pytest.approx(np.median(every.max(1)[at]))
        assert row["share_above"] == pytest.approx((every.max(1)[at] >= 0.7).mean())
        assert row["latents_median"] == pytest.approx(np.median(every[at].max(0)))
        assert row["median_max_cosine_lo"] <= row["median_max_cosine"]
        counts = table[table["sae"] == sae.name].groupby("directions").size()
        assert counts["random"] == counts["meta_latents"] == len(at)


def test_replaced_directions_and_pursuit(run):
    plan, files, folder = run
    metas = plan.of("replaced")
    inputs = Named(
        meta_saes=[folder / meta.name / "sae.safetensors" for meta in metas],
        sae=files["relu-w48"][0],
        codes=files["relu-w48"][1],
        similar=[files[sae.name][0] for sae in plan.similar],
        similar_codes=[files[sae.name][1] for sae in plan.similar],
    )
    table = fig23.tabulate(inputs, settings(plan, metas))["table"].set_index("replaced")
    assert list(table.index)[:2] == ["none", "nearest_16"]
    none, nearest, others, floor = (
        table.loc[name, "variance_explained"]
        for name in ("none", "nearest_16", "random_latents_16", "same_covariance")
    )
    lost = table.loc["nearest_16", "share_lost"]
    assert lost == pytest.approx((none - nearest) / (none - floor))
    assert table.loc["nearest_16", "over_floor"] == pytest.approx(nearest - floor)
    assert table.loc["nearest_16", "over_random_latents"] == pytest.approx(nearest - others)
    compared = table.index[table["over_random_latents"].notna()]
    assert compared.tolist() == ["nearest_16", "nearest_24"]
    assert table.loc["random_latents_16", "distinct"] == table.loc["nearest_16", "distinct"]
    assert table.loc["nearest_16", "gap"] == pytest.approx(none - nearest)
    assert table.loc["none", "distinct"] == 12 >= table.loc["nearest_16", "distinct"]
    kept = load_dictionary(folder / "replaced-nearest_16-s0" / "sae.safetensors").W_dec
    rows = firing_rows(run, "relu-w16")[0]
    assert (kept.double().numpy() @ rows.T).max(1) == pytest.approx(1, abs=1e-5)
    # Pursuit takes at most k atoms, each for what is left: more than the mean alone explains.
    pursued = table.loc["pursuit_16"]
    assert pursued["l0"] <= 2 and 0 < pursued["variance_explained"] < 1
    assert pursued["meta_width"] == len(rows)


def test_what_is_written_can_be_read(run):
    curve = read_table(run[2] / "main-s0" / "training_curve.csv")
    assert {"epoch", "variance_explained", "l0", "learning_rate"} <= set(curve)
