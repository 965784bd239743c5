"""Blocks of latents, put together again, are what the latents' file had."""

import numpy as np
import pytest

from tests.anatomy.report.synthetic_run import HOSTILE, arrays_of, table_of
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.report.shards.explanations import (
    MISSES,
    read_explanations,
    read_misses,
)
from workflow_scripts.anatomy.report.shards.latent_blocks import (
    BLOCK,
    OF_LATENT,
    blocks_of,
    read_latents,
    tokens_named,
)
from workflow_scripts.anatomy.report.shards.shard import rounded

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def latents():
    generator = np.random.default_rng(3)
    tables = [table_of(generator, width, HOSTILE, True) for width in (BLOCK + 30, 40, 50)]
    return arrays_of(generator, tables, NAMES, 0, 99, 3)


def test_blocks_hold_all_of_every_latent(latents):
    shards = list(blocks_of("x-1", latents, {"b": 7, "c": 4}))
    assert [shard.key for shard in shards] == ["lat:x-1:0", "lat:x-1:1"]
    assert {shard.header["logits_note"] for shard in shards} == {str(latents["logits_note"])}
    whole = {
        name: np.concatenate([shard.columns[name] for shard in shards])
        for name in shards[0].columns
    }
    for name in OF_LATENT:
        expected = latents[name].ravel()
        closeness = {"f": 2**-9 if name.endswith("logit") else 2**-13}.get(expected.dtype.kind, 0)
        np.testing.assert_allclose(whole[name], expected, rtol=closeness)
        assert len(shards[0].columns[name]) == BLOCK * latents[name].shape[1]
    for name in ("stratum", "context", "start", "length", "values"):
        assert np.array_equal(whole[f"window_{name}"], latents[f"window_{name}"])
    peaks = latents["window_peak"] - latents["window_start"]
    assert np.array_equal(whole["window_peak"], peaks)
    for name in ("window_latent", "near_latent"):
        first = np.repeat([0, BLOCK], [len(shard.columns[name]) for shard in shards])
        found = whole[name] + first
        assert np.array_equal(np.sort(found), np.sort(latents[name]))
        assert all(shard.columns[name].max() < BLOCK for shard in shards)
    for shard in shards:
        assert len(shard.columns["window_values"]) == shard.columns["window_length"].sum()


def test_the_nearest_are_those_of_the_sae_with_that_number(latents):
    (first, _) = blocks_of("x-1", latents, {"b": 7, "c": 4})
    expected = {
        (
            int(own),
            {"b": 7, "c": 4}[str(latents["near_saes"][sae])],
            int(other),
            float(rounded(cosine)),
        )
        for own, sae, other, cosine in zip(
            *(latents[f"near_{name}"] for name in ("latent", "sae", "other", "cosine")), strict=True
        )
        if own < BLOCK
    }
    names = ("latent", "sae", "other", "cosine")
    found = zip(*(first.columns[f"near_{name}"].tolist() for name in names), strict=True)
    assert set(found) == expected


def test_saes_that_are_not_shown_are_nobodys_nearest(latents):
    found = [set(shard.columns["near_sae"].tolist()) for shard in blocks_of("x", latents, {"c": 4})]
    assert found == [{4}, {4}]
    none = list(blocks_of("x", latents, {}))
    assert all(not len(shard.columns["near_latent"]) for shard in none)
    alone = latents | {"near_saes": np.array([], dtype=np.str_)}
    alone |= {
        f"near_{name}": latents[f"near_{name}"][:0] for name in ("latent", "sae", "other", "cosine")
    }
    assert all(not len(shard.columns["near_sae"]) for shard in blocks_of("x", alone, {}))


def test_without_logits_nothing_is_promoted(latents):
    kept = {n: a for n, a in latents.items() if not n.startswith(("promoted", "suppressed"))}
    assert "promoted" not in next(blocks_of("x", kept, {})).columns
    assert len(tokens_named(kept)) == 0
    named = np.union1d(latents["promoted"], latents["suppressed"])
    assert np.array_equal(tokens_named(latents), named)


def test_explanations_lie_in_the_blocks_of_their_latents(latents, tmp_path):
    path = tmp_path / "sae.csv"
    path.write_text(
        "kind,latent,score,accuracy_active,accuracy_silent,explanation,n,misses\n"
        "latent,3,0.75,0.5,1,<b>,120,7:12 3:40\nlatent,5,,,,untested,0,\nlatent,7,,,,,0,\n"
        f"meta_latent,8,,,,of another,9,1:2\nlatent,{BLOCK + 2},0.5,,,later,9,"
        f"{' '.join(f'4:{at}' for at in range(9))}\n"
    )
    found = read_explanations(path, "offline")
    assert read_misses(path) == {
        3: [(7, 12), (3, 40)],
        BLOCK + 2: [(4, at) for at in range(MISSES)],
    }
    expected = {"text": "<b>", "score": 0.75, "n": 120, "misses": 2, "backend": "offline"}
    expected |= {"accuracy_active": 0.5, "accuracy_silent": 1.0}
    assert found[3] == expected and not {7, 8} & found.keys()
    assert found[5]["score"] is found[5]["n"] is found[5]["misses"] is None
    assert found[BLOCK + 2]["misses"] == 9
    first, second = blocks_of("x", latents, {}, found)
    assert first.header["explanations"] == {"3": expected, "5": found[5]}
    assert list(second.header["explanations"]) == [str(BLOCK + 2)]
    assert "explanations" not in next(blocks_of("x", latents, {})).header


def test_a_damaged_file_is_an_error(tmp_path, latents):
    path = tmp_path / "latents.npz"
    np.savez(path, **latents)
    assert read_latents(path).keys() == latents.keys()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(AnatomyError, match="delete the file"):
        read_latents(path)
