"""Values and intervals of an SAE's numbers, recomputed plainly from the tokens of resampled documents.

Documents have boundaries anywhere: some span many contexts, some contexts hold many of them. Every
statistic is a textbook's, of all held-out tokens that were drawn, as often as they were drawn.
"""

import numpy as np
import pandas as pd
import pytest
import torch
import zarr
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from tests.conftest import SITE, correlated, random_dictionary, random_documents, write_activations
from workflow_scripts.anatomy.activations.sums import activation_sums
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.normalised_error import error_sums, held_out_fvu, nmse
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.decomposition import (
    apply_error_map,
    error_map,
    norm_probes,
    scores,
    site_moments,
)
from workflow_scripts.anatomy.decomposition.pairs import pair_products
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.statistics.group_sums import by_product, sum_rows_by_group
from workflow_scripts.anatomy.statistics.regression import Solver
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.sums import Sums
from workflow_scripts.anatomy.statistics.units import N_GROUPS

T, FIRST, D, DRAWS, SEED = 12, 2, 4, 100, 5


class World:
    """A planted harvest with its documents, two SAEs' codes on it, and its tokens, used ones alone."""

    def __init__(self, folder, contexts, length, kind):
        self.contexts = contexts
        self.documents = random_documents(contexts, T, length)
        # Documents differ: in their mean, and in how much their tokens vary.
        places = np.unique(self.documents, return_inverse=True)[1].reshape(self.documents.shape)
        effects = np.random.default_rng(1).normal(size=(places.max() + 1, D))
        scale = np.random.default_rng(2).uniform(0.5, 2, places.max() + 1)
        x = (3 + effects[places] + scale[places][..., None] * correlated(contexts, T, D)).astype(
            np.float32
        )
        self.store = write_activations(
            folder / "h.zarr", x, min_position=FIRST, documents=self.documents
        )
        self.saes = [random_dictionary(D, width, seed=width) for width in (9, 14)]
        self.codes = []
        for sae in self.saes:
            reconstruct(sae, self.store, SITE, folder / sae.name)
            self.codes.append(open_codes(folder / sae.name))
        self.split = Split(kind, 0.6, 3, FIRST, self.store.units)
        train, test = (mask.ravel() for mask in self.split.masks(slice(0, contexts), T))
        flat = torch.from_numpy(x.reshape(-1, D))
        self.x = flat.double().numpy()
        self.rebuilt = [sae.reconstruct(flat)[1].double().numpy() for sae in self.saes]
        self.train, self.test, self.used = train, test, train | test

    @property
    def groups(self):
        """The group of each token, by pandas: documents in use, numbered, in runs of equal number."""
        numbers = np.unique(self.documents.ravel()[self.used])
        group = np.arange(len(numbers)) * min(len(numbers), N_GROUPS) // len(numbers)
        return pd.Series(self.documents.ravel()).map(dict(zip(numbers, group, strict=True)))

    def drawn(self, chosen):
        """The tokens among `chosen` of every draw of groups, with repetitions; first all of them."""
        groups = self.groups[chosen].to_numpy()
        tokens = {group: np.flatnonzero(chosen)[groups == group] for group in np.unique(groups)}
        present = list(tokens)
        yield np.flatnonzero(chosen)
        share = np.full(len(present), 1 / len(present))
        weights = np.random.default_rng(SEED).multinomial(len(present), share, size=DRAWS)
        for counts in weights:
            picked = np.repeat(np.arange(len(present)), counts)
            yield np.concatenate([tokens[present[at]] for at in picked])

    def expected(self, statistic, chosen):
        """A statistic of tokens: its value, and its 2.5 % and 97.5 % quantiles over the draws."""
        value, *draws = [statistic(tokens) for tokens in self.drawn(chosen)]
        return [value, *np.quantile(draws, (0.025, 0.975))]


@pytest.fixture(
    scope="module",
    params=[
        (70, 25.0, "document"),
        (60, 4.0, "document"),
        (400, 9.0, "document"),
        (60, 4.0, "paper"),
    ],
    ids=["long", "short", "more than groups", "tokens held out"],
)
def world(request, tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"), *request.param)


def test_the_worlds_are_what_they_are_called(world):
    numbers = len(np.unique(world.documents.ravel()[world.used]))
    assert (numbers > N_GROUPS) == (world.contexts == 400)
    assert world.store.units.n_groups == min(numbers, N_GROUPS)
    assert numbers > 20


def fvu(world, residual):
    def statistic(tokens):
        x = world.x[tokens]
        return (residual[tokens] ** 2).sum() / ((x - x.mean(0)) ** 2).sum()

    return statistic


@pytest.mark.parametrize("threads", [1, 2])
def test_scores_are_those_of_the_tokens_drawn(world, monkeypatch, threads):
    slices = [slice(at, min(at + 7, world.contexts)) for at in range(0, world.contexts, 7)]
    monkeypatch.setattr(type(world.store), "block_slices", lambda *_: slices)
    sae, split = world.saes[0], world.split
    subject = SaeOnHarvest(sae, world.codes[0], world.store, split, threads=threads)
    xx = site_moments(world.store, SITE, split, threads=threads)
    solver = Solver(xx, True, "here")
    linear = error_map(subject, solver, xx)
    shape = (world.contexts, T, len(VECTORS))
    norms2 = zarr.create_array({}, shape=shape, chunks=(7, *shape[1:]), dtype="float64")
    sums = apply_error_map(subject, linear, xx, norms2)
    norms = norm_probes(subject, solver, sums["cross"], norms2)
    found = {name: list(each) for name, each in scores(sums["held_out"], norms, DRAWS, SEED)}

    x, rebuilt, train = world.x, world.rebuilt[0], world.train
    error = x - rebuilt
    linear_error = LinearRegression().fit(x[train], error[train]).predict(x)
    rest = error - linear_error
    vectors = dict(zip(VECTORS, (x, rebuilt, error, linear_error, rest), strict=True))
    size = {name: np.linalg.norm(vector, axis=1) for name, vector in vectors.items()}
    cosine = (linear_error * x).sum(1) / size["linear_error"] / size["x"]
    statistics = {
        "fvu": fvu(world, error),
        "error_r2": lambda t: r2_score(error[t], linear_error[t], multioutput="uniform_average"),
        "fvu_nonlinear": fvu(world, rest),
        "norm_ratio": lambda t: size["sae"][t].sum() / size["x"][t].sum(),
        "cosine": lambda t: cosine[t].mean(),
    }
    for name in VECTORS:
        target = size[name] ** 2
        predicted = LinearRegression().fit(x[train], target[train]).predict(x)
        statistics[f"norm_r2_{name}"] = lambda t, y=target, p=predicted: r2_score(y[t], p[t])
    assert set(found) == set(statistics)
    for name, statistic in statistics.items():
        expected = world.expected(statistic, world.test)
        assert found[name] == pytest.approx(expected, rel=1e-4, abs=1e-4), name


def test_threads_and_blocks_change_nothing_but_the_last_digits(world, monkeypatch):
    found = []
    for step, threads in ((7, 1), (7, 2), (50, 1)):
        slices = [
            slice(at, min(at + step, world.contexts)) for at in range(0, world.contexts, step)
        ]
        monkeypatch.setattr(type(world.store), "block_slices", lambda *_, s=slices: s)
        subject = SaeOnHarvest(
            world.saes[0], world.codes[0], world.store, world.split, threads=threads
        )

        def of_block(contexts, subject=subject):
            x, _ = subject.block(contexts)
            _, test = subject.masks(contexts)
            parts = {"x": x.double()[test], "count": torch.ones(int(test.sum())).double()}
            return Sums(subject.grouped(parts, contexts, test))

        found.append(subject.total(of_block))
    one, two, other = found
    for name in one:
        assert torch.equal(one[name], two[name]), "threads"
        np.testing.assert_allclose(one[name], other[name], rtol=1e-12, atol=1e-9)
    tokens = pd.DataFrame(world.x[world.test]).groupby(world.groups[world.test].to_numpy())
    counts = tokens.size().reindex(range(world.store.units.n_groups), fill_value=0)
    np.testing.assert_array_equal(one["count"], counts)
    sums = tokens.sum().reindex(counts.index, fill_value=0.0)
    np.testing.assert_allclose(one["x"], sums, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("size", [0, 1, 40])
@pytest.mark.parametrize("inner", [(), (3,), (2, 2)])
def test_a_product_sums_as_adding_one_by_one_does(size, inner):
    """What a GPU does, here on a CPU."""
    generator = torch.Generator().manual_seed(size)
    rows = torch.randn(size, *inner, generator=generator, dtype=torch.float64)
    groups = torch.randint(0, 6, (size,), generator=generator) + 3
    found, expected = (sums(rows, groups, 11) for sums in (by_product, sum_rows_by_group))
    assert found.shape == expected.shape == (11, *inner)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_sums_as_a_cpu_does(world):
    contexts = slice(0, world.contexts)
    _, test = world.split.masks(contexts, T)
    found = []
    for device in ("cpu", "cuda", "cuda"):
        subject = SaeOnHarvest(
            world.saes[0], world.codes[0], world.store, world.split, device=device
        )
        mask = torch.from_numpy(test.ravel()).to(device)
        x = torch.from_numpy(world.x).to(device)[mask]
        found.append(subject.grouped({"x": x}, contexts, mask)["x"].cpu())
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-9)
    assert torch.equal(found[1], found[2])


def test_sums_of_activations_and_errors_are_those_of_pandas(world):
    for split in (None, world.split):
        chosen = world.used if split is None else world.test
        groups = world.groups[chosen].to_numpy()
        index = range(world.store.units.n_groups)
        error = ((world.x - world.rebuilt[0]) ** 2).sum(1)
        expected = pd.Series(error[chosen]).groupby(groups).agg(["sum", "size"])
        expected = expected.reindex(index, fill_value=0)
        found = error_sums(world.codes[0], split)
        np.testing.assert_array_equal(found["count"], expected["size"])
        np.testing.assert_allclose(found["residual2"][:, 0], expected["sum"], rtol=1e-5)
    table = pd.DataFrame(world.x[world.used]).groupby(world.groups[world.used].to_numpy())
    found = activation_sums(world.store, SITE)
    np.testing.assert_array_equal(found["count"], table.size())
    np.testing.assert_allclose(found["target"], table.sum(), rtol=1e-10)
    squares = table.agg(lambda column: (column**2).sum())
    np.testing.assert_allclose(found["target2"], squares, rtol=1e-10)


def test_the_nmse_of_all_tokens_is_that_of_the_documents_drawn(world):
    sums = activation_sums(world.store, SITE) | error_sums(world.codes[0])
    found = document_interval(nmse, sums, DRAWS, SEED)
    expected = world.expected(fvu(world, world.x - world.rebuilt[0]), world.used)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_held_out_fvu_is_that_of_the_documents_drawn(world):
    """Errors and variance are of the same tokens, in every draw."""
    expected = world.expected(fvu(world, world.x - world.rebuilt[0]), world.test)
    found = held_out_fvu(world.store, world.codes[0], world.split, DRAWS, SEED)
    assert found == pytest.approx(expected, rel=1e-5)


def test_eq_13_is_that_of_the_documents_drawn(world):
    """One SAE's squared error norms from another's, without an intercept and with one."""
    analysis = {"split": world.split.kind, "train_fraction": 0.6}
    gathered = pair_products(*world.codes, analysis, 3)
    small, large = (((world.x - rebuilt) ** 2).sum(1) for rebuilt in world.rebuilt)
    for regressors, intercept in ((["small"], False), (["one", "small"], True)):
        model = LinearRegression(fit_intercept=intercept)
        model.fit(small[world.train, None], large[world.train])
        predicted = model.predict(small[:, None])
        expected = world.expected(lambda t, p=predicted: r2_score(large[t], p[t]), world.test)
        found = gathered.r2("large", regressors, DRAWS, SEED)
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)

    def slope(tokens):
        fitted = LinearRegression(fit_intercept=False).fit(small[tokens, None], large[tokens])
        return fitted.coef_[0]

    found = gathered.ratio("large", "small", DRAWS, SEED)
    assert found == pytest.approx(world.expected(slope, world.train), rel=1e-4)
