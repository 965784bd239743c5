"""Targeted probe perturbation against brute force: ablate, decode every token, pool, classify."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from tests.conftest import random_dictionary
from workflow_scripts.anatomy.probing.accuracies import drawn_sums
from workflow_scripts.anatomy.probing.examples import Problem, one_against_others
from workflow_scripts.anatomy.probing.perturbation import (
    attributions,
    clean_accuracy,
    perturb,
    tpp,
    tpp_drop,
)
from workflow_scripts.anatomy.probing.probes import fit_probe
from workflow_scripts.anatomy.probing.results import decoder_of

D, WIDTH, TEXTS, LENGTH = 8, 20, 240, 5
CLASSES = 4
NUMBERS = [1, 3, 8]
VARIANTS = [
    {"input_scale": 1.0, "center": False},
    {"input_scale": 2.5, "center": False},
    {"input_scale": 0.5, "center": True},
]


class World:
    """Texts of a few tokens, in four classes that differ in their mean activations."""

    def __init__(self, **variant):
        rng = np.random.default_rng(0)
        self.classes = rng.integers(0, CLASSES, TEXTS)
        means = rng.normal(size=(CLASSES, D))[self.classes]
        self.tokens = (rng.normal(size=(TEXTS, LENGTH, D)) + means[:, None]).astype(np.float32)
        self.dictionary = random_dictionary(D, WIDTH, **variant)
        flat = torch.from_numpy(self.tokens.reshape(-1, D))
        self.codes = self.dictionary.encode(flat).to_dense(WIDTH).double().numpy()
        self.pooled = csr_matrix(self.codes.reshape(TEXTS, LENGTH, WIDTH).mean(1))
        self.x = self.tokens.astype(np.float64).mean(1)
        self.documents = rng.integers(0, 30, TEXTS)
        self.train = self.documents < 18
        self.problems = []
        for number in range(CLASSES):
            rows = np.sort(rng.permutation(TEXTS)[:200])
            positive = self.classes[rows] == number
            self.problems.append(Problem("set", str(number), "set", rows, positive))
        self.probes = []
        for problem in self.problems:
            mine = self.train[problem.rows]
            rows = problem.rows[mine]
            probe = fit_probe(self.x[rows], problem.positive[mine], self.documents[rows])
            self.probes.append(probe)

    def perturbed(self, ablation):
        return perturb(
            *(self.x, self.pooled, decoder_of(self.dictionary), self.problems, self.probes),
            *(self.documents, self.train, NUMBERS, ablation),
        )

    def attributed(self, at):
        """Eq. 11 for every latent, written out."""
        problem = self.problems[at]
        mine = self.train[problem.rows]
        rows, positive = problem.rows[mine], problem.positive[mine]
        dense = self.pooled.toarray()
        scores = []
        for latent in range(WIDTH):
            z = dense[rows, latent]
            direction = self.dictionary.W_dec[latent].double().numpy()
            towards = sum(direction * self.probes[at].weights) / self.dictionary.input_scale
            scores.append((z[positive].mean() - z[~positive].mean()) * towards)
        return np.array(scores)

    def ablated_accuracy(self, i, j, number, ablation):
        """A_ij: codes of every token without these latents, decoded, pooled, classified.

        Over all test examples, and the mean over positive and negative ones.
        """
        latents = np.argsort(-self.attributed(i), kind="stable")[:number]
        s, directions = self.dictionary.input_scale, self.dictionary.W_dec.double().numpy()
        bias = self.dictionary.b_dec.double().numpy()
        tokens = self.tokens.reshape(-1, D).astype(np.float64)
        mean = tokens.mean(-1, keepdims=True) if self.dictionary.center else 0
        kept = self.codes.copy()
        kept[:, latents] = 0
        whole, without = ((z @ directions + bias) / s + mean for z in (self.codes, kept))
        seen = tokens - whole + without if ablation == "error_kept" else without
        pooled = seen.reshape(TEXTS, LENGTH, D).mean(1)
        problem = self.problems[j]
        test = ~self.train[problem.rows]
        said = pooled[problem.rows[test]] @ self.probes[j].weights + self.probes[j].intercept > 0
        right, positive = said == problem.positive[test], problem.positive[test]
        return right.mean(), (right[positive].mean() + right[~positive].mean()) / 2


@pytest.fixture(scope="module", params=VARIANTS, ids=str)
def world(request):
    return World(**request.param)


def test_attributions_are_equation_11(world):
    for at, problem in enumerate(world.problems):
        mine = world.train[problem.rows]
        found = attributions(
            world.pooled[problem.rows[mine]],
            problem.positive[mine],
            decoder_of(world.dictionary),
            world.probes[at],
        )
        np.testing.assert_allclose(found, world.attributed(at), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ablation", ["error_kept", "reconstruction"])
def test_accuracies_are_those_of_brute_force(world, ablation):
    found = world.perturbed(ablation)
    for at, number in enumerate(NUMBERS):
        matrix = np.array(
            [
                [world.ablated_accuracy(i, j, number, ablation) for j in range(CLASSES)]
                for i in range(CLASSES)
            ]
        )
        ours = found.ablated[at].sum((0, -1)) / found.count.sum((0, -1))
        np.testing.assert_allclose(ours, matrix[..., 0], rtol=0, atol=1e-12)
        # Equation 12, written out, with accuracies that are means over both classes.
        matrix = matrix[..., 1]
        own = np.mean([matrix[i, i] for i in range(CLASSES)])
        others = [matrix[i, j] for i in range(CLASSES) for j in range(CLASSES) if i != j]
        sums = {name: getattr(found, name) for name in ("count", "clean")}
        sums = {name: part.sum(0) for name, part in sums.items()}
        sums["ablated"] = found.ablated[at].sum(0)
        assert tpp(sums) == pytest.approx(own - np.mean(others), abs=1e-12)
        clean = np.array([world.ablated_accuracy(0, j, 0, ablation)[1] for j in range(CLASSES)])
        assert clean_accuracy(sums) == pytest.approx(clean.mean())
        drops = clean - matrix
        own = np.mean(np.diag(drops))
        others = [drops[i, j] for i in range(CLASSES) for j in range(CLASSES) if i != j]
        assert tpp_drop(sums) == pytest.approx(own - np.mean(others), abs=1e-12)
        # Every clean accuracy is taken off as often on either side.
        assert tpp_drop(sums) == pytest.approx(-tpp(sums), abs=1e-12)


def test_ablating_hurts_its_own_class_most(world):
    found = world.perturbed("error_kept")
    count = found.count.sum((0, -1))
    accuracy = found.ablated[-1].sum((0, -1)) / count
    clean = found.clean.sum((0, -1)) / count
    drop = clean - accuracy
    assert np.diag(drop).mean() > drop[~np.eye(CLASSES, dtype=bool)].mean()
    assert (found.attributed[0], found.attributed[-1]) <= (1.0, 1.0)


def test_examples_are_counted_in_their_documents(world):
    found = world.perturbed("error_kept")
    every = np.unique(world.documents[~world.train])
    for j, problem in enumerate(world.problems):
        rows = problem.rows[~world.train[problem.rows]]
        positive = problem.positive[~world.train[problem.rows]]
        for place, document in enumerate(every):
            mine = world.documents[rows] == document
            of_both = [(mine & ~positive).sum(), (mine & positive).sum()]
            assert found.count[place, j].tolist() == of_both
    assert (found.clean <= found.count).all()
    assert (found.ablated <= found.count[None, :, None]).all()


def test_nothing_is_chosen_by_test_examples(world):
    before = world.perturbed("error_kept")
    dense = world.pooled.toarray()
    # Another code of a test example changes what it adds, not which latents are taken.
    changed = world.pooled.tolil()
    changed[~world.train] = dense[~world.train][:, ::-1]
    after = perturb(
        *(world.x, csr_matrix(changed), decoder_of(world.dictionary), world.problems),
        *(world.probes, world.documents, world.train, NUMBERS, "error_kept"),
    )
    assert (after.attributed == before.attributed).all()
    assert (after.clean == before.clean).all()


def test_more_arrays_of_sums_at_once():
    rng = np.random.default_rng(0)
    sums = {"count": rng.uniform(5, 9, (6, 3, 2)), "clean": rng.uniform(1, 5, (6, 3, 2))}
    sums["ablated"] = rng.uniform(1, 5, (6, 3, 3, 2))
    for measure in (tpp, tpp_drop, clean_accuracy):
        one_by_one = [measure({name: part[at] for name, part in sums.items()}) for at in range(6)]
        np.testing.assert_allclose(measure(sums), one_by_one)


def test_probes_that_always_say_no_have_no_score_in_any_resample(world):
    """Whatever is ablated, they are right about half of each class's examples, and none of the other's."""
    count = world.perturbed("error_kept").count
    no = count * [1, 0]
    sums = drawn_sums(
        {"count": count, "clean": no, "ablated": np.repeat(no[:, None], CLASSES, 1)}, 200, 0
    )
    assert (clean_accuracy(sums) == 0.5).all()
    assert not tpp(sums).any() and not tpp_drop(sums).any()


def test_on_balanced_sets_accuracies_are_plain_ones(world):
    problems = one_against_others(
        *("set", list("abcd"), world.classes, world.documents, world.train),
        *(np.arange(TEXTS), 0),
    )
    probes = world.probes
    found = perturb(
        *(world.x, world.pooled, decoder_of(world.dictionary), problems, probes),
        *(world.documents, world.train, NUMBERS, "error_kept"),
    )
    assert len(problems) == CLASSES
    count = found.count.sum(0)
    assert (count[:, 0] == count[:, 1]).all()
    plain = found.ablated[1].sum((0, -1)) / count.sum(-1)
    own = np.diag(plain).mean()
    others = plain[~np.eye(CLASSES, dtype=bool)].mean()
    sums = {"count": count, "clean": found.clean.sum(0), "ablated": found.ablated[1].sum(0)}
    assert tpp(sums) == pytest.approx(own - others, abs=1e-12)
    plain_clean = found.clean.sum((0, -1)) / count.sum(-1)
    assert clean_accuracy(sums) == pytest.approx(plain_clean.mean(), abs=1e-12)
