"""A finished run in a notebook: the example of the documentation, word for word, and brute force beside it."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import ROOT, SITE
from workflow_scripts.anatomy import open_run
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.text.tokenization import token_strings

pytestmark = pytest.mark.workflow

PAGE = ROOT / "docs" / "notebook.md"
# Whether what a notebook needs for tables alone is light.
LIGHT = "import sys; from workflow_scripts.anatomy import open_run; assert not {'torch', 'pandas'} & set(sys.modules)"


@pytest.fixture(scope="module")
def results(finished, tmp_path_factory):
    """The results of the tiny run under the name of the default one."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "results").mkdir()
    for name, source in (("default", "tiny"), ("store", "store")):
        (folder / "results" / name).symlink_to(finished.folder / "results" / source)
    return folder


@pytest.fixture
def run(results):
    return open_run(results / "results" / "default")


@pytest.fixture
def sae(run):
    return run.sae("tiny", SITE, "topk-w48-k3-s0")


def python(code, folder):
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_example_of_the_documentation(results):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    done = python(example, results)
    assert done.returncode == 0, done.stderr
    assert "overview/summary" in done.stdout
    assert "activation" in done.stdout


def test_importing_is_light(results):
    assert python(LIGHT, results).returncode == 0


def test_tables(run, results):
    assert "overview/summary" in run.tables()
    path = results / "results" / "default" / "tables" / "overview" / "summary.csv"
    assert len(run.table("overview/summary")) == len(pd.read_csv(path)) == len(run.saes())
    with pytest.raises(
        AnatomyError, match="no table overview/sumary; the nearest are overview/summary"
    ):
        run.table("overview/sumary")


def test_what_is_not_there(run, results):
    with pytest.raises(AnatomyError, match=r"the nearest are .*topk-w48-k3-s0"):
        run.sae("tiny", SITE, "topk-w48-k3-s1")
    with pytest.raises(AnatomyError, match="no model huge"):
        run.activations("huge")
    with pytest.raises(
        AnatomyError, match=r"nowhere has no tables, so it is no run; there are .*default"
    ):
        open_run(results / "results" / "nowhere")


def test_an_sae_encodes_and_decodes_as_its_codes_say(run, sae):
    x = sae.activations.activations(SITE)[:2].reshape(-1, 24)
    dense = sae.encode(x)
    np.testing.assert_allclose(dense, sae.codes.rows(slice(0, 2)).toarray(), rtol=1e-5, atol=1e-6)
    errors = np.linalg.norm(x - sae.decode(dense, x), axis=1)
    np.testing.assert_allclose(run.errors(sae, slice(0, 2))["error"], errors, rtol=1e-4)


def test_errors_are_those_of_the_run(run):
    sae = run.sae("tiny", SITE, "main-w48-k3-s0")
    errors = run.errors(sae, slice(3, 5))
    x = sae.activations.activations(SITE)[3:5].reshape(-1, 24)
    np.testing.assert_allclose(errors["x"], np.linalg.norm(x, axis=1), rtol=1e-5)
    assert errors["context"].tolist() == [3] * 32 + [4] * 32
    assert errors.query("position == 0")["counted"].tolist() == [False, False]
    assert {"linear_error", "nonlinear_error"} <= set(errors.columns)
    strings = token_strings(sae.folder.parents[1] / "tokenizer" / "tokenizer.json")
    assert errors["text"].tolist() == [strings[token] for token in errors["token"]]


def test_the_strongest_contexts_are_the_strongest(sae):
    codes = sae.codes.rows(slice(None)).toarray().reshape(*sae.codes.shape, -1)
    codes[:, : sae.codes.min_position] = 0
    latent = int(sae.codes.latents("firing_count").argmax())
    found = sae.top_contexts(latent, number=5, window=9)
    assert found["activation"].iloc[0] == codes[..., latent].max()
    assert found["activation"].is_monotonic_decreasing
    for row in found.itertuples():
        assert codes[row.context, row.position, latent] == np.float32(row.activation)
        assert max(row.activations) == row.activation
        assert len(row.tokens) == 9
    silent = np.flatnonzero(sae.codes.latents("firing_count") == 0)
    assert all(sae.top_contexts(int(each)).empty for each in silent[:1])
    with pytest.raises(AnatomyError, match="latents 0 to 47, not 48"):
        sae.top_contexts(48)
