"""The questions of section 5.1: which of five latents do some meta-latents belong to?"""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError

OPTIONS = 5


@dataclass(frozen=True)
class Questions:
    """q questions about n latents, which are numbered from 0.

    latent: (q,) int64, the right answer. other: (q,) int64, another latent that is asked about, whose
    meta-latents take the place of the right ones in the control. options: (q, 5) int64, different,
    neither of them `other`. right: (q,) int64, where among the options the right one is.
    """

    latent: np.ndarray
    other: np.ndarray
    options: np.ndarray
    right: np.ndarray


def draw_questions(n: int, number: int, seed: int) -> Questions:
    """Ask about `number` random ones of n latents, or about all; wrong options are random latents.

    Every option but the right one is drawn in the same way in the control, so that there nothing but
    chance tells which of them is called right.

    Raises
    ------
    AnatomyError: fewer latents than a question needs.
    """
    if n <= OPTIONS:
        raise AnatomyError(
            f"canonical_units.explanations: {n} latents fire, and a question needs {OPTIONS + 1}; "
            "harvest more contexts or train a wider SAE"
        )
    generator = np.random.default_rng([seed, 0])
    latent = generator.permutation(n)[:number].astype(np.int64)
    # The order is random, so the neighbour in it is a random other latent, and never the same.
    other = np.roll(latent, 1) if len(latent) > 1 else (latent + 1) % n
    right = generator.integers(0, OPTIONS, len(latent))
    options = np.empty((len(latent), OPTIONS), dtype=np.int64)
    for at, (asked, away) in enumerate(zip(latent, other, strict=True)):
        drawn = generator.choice(n, OPTIONS + 1, replace=False)
        wrong = drawn[(drawn != asked) & (drawn != away)][: OPTIONS - 1]
        options[at] = np.insert(wrong, right[at], asked)
    return Questions(latent, other, options, right)
