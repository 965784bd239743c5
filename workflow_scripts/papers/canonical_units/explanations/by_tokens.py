"""Questions answered without a language model: an explanation is a distribution over tokens.

A meta-latent's is the mean of the distributions of the latents that it is explained from, weighted by
its activation on them; what a question is given is the mean over its meta-latents, which count alike.
"""

from typing import Any

import numpy as np

from workflow_scripts.anatomy.interpretability.token_profiles import normalised, overlap
from workflow_scripts.papers.canonical_units.explanations.evidence import Evidence

# Questions whose distributions are dense at a time.
BLOCK = 64


def answer(profiles: Any, given: Evidence, options: np.ndarray) -> np.ndarray:
    """Choose the option whose distribution has most in common with that of the meta-latents.

    Parameters
    ----------
    profiles: csr_matrix (n, vocabulary), a distribution in each row, of the latents.
    given: the meta-latents of each of q questions.
    options: (q, k) int, latents.

    Returns
    -------
    (q,) int64, which option; of equal ones the first; -1 where no meta-latent is given.
    """
    from scipy.sparse import csr_matrix

    count = given.count(len(options))
    each = (1 / count[given.question], (given.question, np.arange(len(given.question))))
    mean = csr_matrix(each, shape=(len(options), len(given.question)))
    mixed = (mean @ normalised(given.weights) @ profiles).tocsr()
    chosen = np.full(len(options), -1, dtype=np.int64)
    for start in range(0, len(options), BLOCK):
        part = slice(start, start + BLOCK)
        theirs = profiles[options[part].ravel()].toarray().reshape(*options[part].shape, -1)
        chosen[part] = overlap(mixed[part].toarray()[:, None], theirs).argmax(1)
    return np.where(count > 0, chosen, -1)
