"""Sparse codes and directions made from a seed, to stand in for features that nobody knows."""

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from workflow_scripts.anatomy.base.errors import AnatomyError


def power_law_probabilities(features: int, l0: float, exponent: float = 1.0) -> NDArray:
    """Firing probabilities min(1, c i^-exponent), i = 1..features, that sum to `l0`; (features,).

    Raises
    ------
    AnatomyError: more active features asked for than there are.
    """
    if not 0 < l0 < features:
        raise AnatomyError(
            f"l0 {l0:g} with {features} features: l0 must lie strictly between 0 and their number"
        )
    shape = np.arange(1, features + 1, dtype=np.float64) ** -exponent

    def excess(log_scale: float) -> float:
        return float(np.minimum(1, np.exp(log_scale) * shape).sum()) - l0

    # At the upper end every feature fires, at the lower end l0 of them would be too many.
    upper = exponent * np.log(features) + 1
    lower = np.log(l0 / shape.sum()) - 1e-9
    return np.minimum(1, np.exp(optimize.brentq(excess, lower, upper, xtol=1e-12)) * shape)


def independent_codes(
    tokens: int, probabilities: NDArray, generator: np.random.Generator, weights: str = "constant"
) -> sparse.csr_matrix:
    """Codes of features that fire independently of each other.

    Parameters
    ----------
    tokens: number of rows.
    probabilities: (m,) of firing.
    weights: ``constant`` (1 where active) or ``gamma`` (Gamma(4) with mean 1 where active).

    Returns
    -------
    (tokens, m) CSR float64.
    """
    # Feature by feature: how many of the tokens, then which, so that memory is that of the result.
    counts = generator.binomial(tokens, probabilities)
    rows = [generator.choice(tokens, count, replace=False) for count in counts]
    columns = np.repeat(np.arange(len(probabilities)), counts)
    values = active_weights(int(counts.sum()), generator, weights)
    shape = (tokens, len(probabilities))
    return sparse.csr_matrix((values, (np.concatenate(rows), columns)), shape)


def tree_codes(
    tokens: int,
    probabilities: NDArray,
    branching: int,
    generator: np.random.Generator,
    weights: str = "constant",
) -> sparse.csr_matrix:
    """Codes of features on a tree: a feature fires only where its parent does.

    Feature i is a child of feature (i - roots) // branching; the first `branching` features are
    roots. A child's own probability is raised by its parent's, so that its frequency is the one in
    `probabilities` wherever that does not exceed the parent's. Returns (tokens, m) CSR float64.
    """
    parents = tree_parents(len(probabilities), branching)
    rows: list[NDArray] = []
    for feature, parent in enumerate(parents):
        if parent < 0:
            candidates, chance = np.arange(tokens), probabilities[feature]
        else:
            candidates = rows[parent]
            chance = min(1.0, probabilities[feature] / probabilities[parent])
        rows.append(candidates[generator.random(len(candidates)) < chance])
    columns = np.repeat(np.arange(len(rows)), [len(active) for active in rows])
    values = active_weights(len(columns), generator, weights)
    shape = (tokens, len(probabilities))
    return sparse.csr_matrix((values, (np.concatenate(rows), columns)), shape)


def tree_parents(features: int, branching: int) -> NDArray:
    """Parent of each feature, -1 for the first `branching` of them; (features,) int."""
    return np.maximum((np.arange(features) - branching) // branching, -1)


def random_directions(features: int, d: int, generator: np.random.Generator) -> NDArray:
    """Independent random directions of norm 1; (features, d) float64."""
    directions = generator.standard_normal((features, d))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def tree_directions(
    features: int, d: int, branching: int, similarity: float, generator: np.random.Generator
) -> NDArray:
    """Directions of norm 1 with expected cosine `similarity` to their parent's; (features, d)."""
    directions = random_directions(features, d, generator)
    for feature, parent in enumerate(tree_parents(features, branching)):
        if parent >= 0:
            own = np.sqrt(1 - similarity**2) * directions[feature]
            mixed = similarity * directions[parent] + own
            directions[feature] = mixed / np.linalg.norm(mixed)
    return directions


def active_weights(count: int, generator: np.random.Generator, weights: str) -> NDArray:
    """Positive weights with mean 1 of `count` active latents; (count,) float64."""
    if weights == "constant":
        return np.ones(count)
    if weights == "gamma":
        return generator.standard_gamma(4.0, count) / 4
    raise AnatomyError(f"weights {weights}: use constant or gamma")
