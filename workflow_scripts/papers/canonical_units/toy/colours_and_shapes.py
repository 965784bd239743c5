"""Coloured shapes: activations whose atoms are known, and the SAEs that make compositions of them.

Figure 2 of "Sparse Autoencoders Do Not Find Canonical Units of Analysis". docs/papers/canonical_units.md
derives what an L1 penalty prefers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.canonical_units.toy.small_relu_saes import ReluSaes, train_relu_saes


@dataclass(frozen=True)
class ColouredShapes:
    """Tokens with one colour and one shape each.

    ``x`` (n, d) float64; ``atoms`` (colours + shapes, d) orthonormal, colours first; ``colour`` and
    ``shape`` (n,) int64, those of each token.
    """

    x: NDArray
    atoms: NDArray
    colour: NDArray
    shape: NDArray


@dataclass(frozen=True)
class Truth:
    """Directions of norm 1 that a latent may have: ``atoms`` (a, d), ``compositions`` (c, d).

    ``atom_names`` and ``composition_names`` are (colour, shape), None where there is none of them.
    """

    atoms: NDArray
    compositions: NDArray
    atom_names: list[tuple[int | None, int | None]]
    composition_names: list[tuple[int, int]]


def draw_coloured_shapes(
    samples: int,
    *,
    colours: int,
    shapes: int,
    dimensions: int,
    magnitudes: Sequence[float],
    noise: float,
    seed: int,
) -> ColouredShapes:
    """Draw tokens a * colour + b * shape + noise, every colour with every shape equally often.

    Parameters
    ----------
    magnitudes: a and b are uniform between these two, independently.
    noise: standard deviation of Gaussian noise, in each dimension.

    Raises
    ------
    AnatomyError: fewer dimensions than atoms; colours and shapes of which there are no more
        compositions than atoms; magnitudes that are not two, ascending.
    """
    where = "canonical_units.toy"
    if dimensions < colours + shapes:
        raise AnatomyError(
            f"{where}.dimensions: {dimensions} have no room for {colours} colours and {shapes} "
            f"shapes at right angles; give {colours + shapes} or more"
        )
    if min(colours, shapes) < 2 or colours * shapes <= colours + shapes:
        raise AnatomyError(
            f"{where}: {colours} colours and {shapes} shapes have {colours * shapes} compositions "
            f"of {colours + shapes} atoms; give two of one and three of the other, or more"
        )
    if len(magnitudes) != 2 or magnitudes[0] > magnitudes[1]:
        raise AnatomyError(
            f"{where}.magnitudes: {list(magnitudes)}; give the least and the largest magnitude"
        )
    generator = np.random.default_rng(seed)
    atoms = np.linalg.qr(generator.standard_normal((dimensions, colours + shapes)))[0].T
    # In turn: six latents can serve chance majorities of some coloured shapes better than all atoms.
    colour, shape = np.divmod(np.arange(samples) % (colours * shapes), shapes)
    a, b = generator.uniform(magnitudes[0], magnitudes[1], (2, samples, 1))
    x = a * atoms[colour] + b * atoms[colours + shape]
    x += noise * generator.standard_normal(x.shape)
    return ColouredShapes(x, atoms, colour, shape)


def truth(atoms: NDArray, colours: int) -> Truth:
    """What each colour, shape and coloured shape adds to the mean of all tokens.

    Every token has a colour and a shape, so that the mean colour and the mean shape are in all of
    them; they are b_dec's, and a latent is about a colour's difference from the mean colour.
    """
    shapes = len(atoms) - colours
    centred = np.concatenate([part - part.mean(0) for part in (atoms[:colours], atoms[colours:])])
    names = list(product(range(colours), range(shapes)))
    compositions = np.stack([centred[i] + centred[colours + j] for i, j in names])
    return Truth(
        _unit(centred),
        _unit(compositions),
        [*((i, None) for i in range(colours)), *((None, j) for j in range(shapes))],
        names,
    )


def match(directions: NDArray, targets: NDArray) -> tuple[NDArray, NDArray]:
    """Pair latents with targets one to one, so that the sum of their cosines is largest.

    directions (m, d) and targets (t, d) have norm 1. Returns which target each latent has, (m,)
    int64, -1 for none, and its cosine, (m,) float64, NaN for none.
    """
    from scipy.optimize import linear_sum_assignment

    cosines = directions @ targets.T
    latents, matched = linear_sum_assignment(cosines, maximize=True)
    target, cosine = np.full(len(directions), -1), np.full(len(directions), np.nan)
    target[latents], cosine[latents] = matched, cosines[latents, matched]
    return target, cosine


def compose(
    *,
    colours: int,
    shapes: int,
    dimensions: int,
    magnitudes: Sequence[float],
    noise: float,
    samples: int,
    coefficient: float,
    learning_rate: float,
    steps: int,
    batch_size: int,
    seeds: Sequence[int],
    restarts: int,
    threshold: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train SAEs with a latent per atom, and with a latent per composition, on coloured shapes.

    Every seed has its own directions and tokens. Of its `restarts` initialisations the one with the
    lowest loss in training is kept, since a small SAE is easily caught in a local minimum; nothing
    known of the atoms takes part in the choice.

    Parameters
    ----------
    samples: tokens to train on, and as many again that l0, l1, mse and loss are measured on.
    threshold: cosine from which on a matched direction is recovered.

    Returns
    -------
    One row per dictionary and seed: dictionary_size, seed, l0, l1, mse, loss (mse + coefficient l1),
    atoms_recovered and compositions_recovered of atoms and compositions, restarts, and how many of
    them recover all atoms, or all compositions: restarts_all_atoms, restarts_all_compositions.
    And one row per latent and true direction: colour, shape (missing: the direction has none),
    cosine, and matched, whether the two are paired.
    """
    drawn = [
        draw_coloured_shapes(
            2 * samples,
            colours=colours,
            shapes=shapes,
            dimensions=dimensions,
            magnitudes=magnitudes,
            noise=noise,
            seed=seed,
        )
        for seed in seeds
    ]
    truths = [truth(tokens.atoms, colours) for tokens in drawn]
    x = torch.from_numpy(np.stack([tokens.x for tokens in drawn])).float()
    trained_on, held_out = x[:, :samples], x[:, samples:].double()
    starts = [(seed, restart) for seed in seeds for restart in range(restarts)]
    rows, latents = [], []
    for width in (colours + shapes, colours * shapes):
        repeated = trained_on.repeat_interleave(restarts, 0)
        saes = train_relu_saes(
            repeated,
            width,
            starts,
            coefficient=coefficient,
            learning_rate=learning_rate,
            steps=steps,
            batch_size=batch_size,
        )
        losses = saes.losses(repeated, coefficient).view(len(seeds), restarts)
        for number, seed in enumerate(seeds):
            own = slice(number * restarts, (number + 1) * restarts)
            kept = own.start + int(losses[number].argmin())
            cosines = _cosines(saes.W_dec[kept], truths[number])
            cosines.insert(0, "dictionary_size", width)
            cosines.insert(1, "seed", seed)
            latents.append(cosines)
            rows.append(
                {"dictionary_size": width, "seed": seed}
                | _measures(saes, kept, held_out[number], coefficient)
                | _counts(saes.W_dec[own], kept - own.start, truths[number], threshold)
            )
    return pd.DataFrame(rows), pd.concat(latents, ignore_index=True)


def _counts(decoders: torch.Tensor, kept: int, known: Truth, threshold: float) -> dict[str, float]:
    """What the kept one of some decoders (restarts, m, d) recovers, and how many recover all."""
    columns: dict[str, float] = {"restarts": len(decoders), "threshold": threshold}
    for name, targets in (("atoms", known.atoms), ("compositions", known.compositions)):
        cosines = [match(_unit(rows.double().numpy()), targets)[1] for rows in decoders]
        recovered = [int((cosine > threshold).sum()) for cosine in cosines]
        columns[name] = len(targets)
        columns[f"{name}_recovered"] = recovered[kept]
        columns[f"restarts_all_{name}"] = recovered.count(len(targets))
    return columns


def _measures(saes: ReluSaes, kept: int, x: torch.Tensor, coefficient: float) -> dict[str, float]:
    """L0, L1, MSE and loss of one SAE on tokens x (n, d)."""
    one = ReluSaes(*(weight[kept : kept + 1].double() for weight in vars(saes).values()))
    codes, reconstruction = one(x[None])
    l0, l1 = (codes > 0).sum(-1).double().mean().item(), codes.sum(-1).mean().item()
    mse = (x - reconstruction).square().sum(-1).mean().item()
    return {"l0": l0, "l1": l1, "mse": mse, "loss": mse + coefficient * l1}


def _cosines(rows: torch.Tensor, known: Truth) -> pd.DataFrame:
    """Cosine of every decoder row (m, d) with every true direction, and which are paired."""
    directions = _unit(rows.double().numpy())
    parts = []
    for targets, names in (
        (known.atoms, known.atom_names),
        (known.compositions, known.composition_names),
    ):
        target, _ = match(directions, targets)
        for number, (colour, shape) in enumerate(names):
            columns = {
                "latent": np.arange(len(directions)),
                "colour": pd.array([colour] * len(directions), dtype="Int64"),
                "shape": pd.array([shape] * len(directions), dtype="Int64"),
                "cosine": directions @ targets[number],
                "matched": target == number,
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _unit(rows: NDArray) -> NDArray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
