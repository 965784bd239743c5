"""What takes the place of an activation x: Sae(x), and points that share a property of its error.

Each function takes the tokens of a batch and returns what replaces their activations, (n, d) float64.
With e = Sae(x) - x, and u a random direction, uniform on the sphere:

sae                     Sae(x)
sae_norm_of_x           Sae(x) at the norm of x
x_norm_of_sae           x at the norm of Sae(x)
epsilon_random          x + |e| u
epsilon_random_norm     the same at the norm of x
cosine_random           a random point with the norm of Sae(x) and its cosine to x
real_difference         x + |e| times the direction from one real activation to another
epsilon_activations     x + |e| v / |v|, v Gaussian with the covariance of the activations
epsilon_errors          x + |e| v / |v|, v Gaussian with the covariance of the SAE's errors
other_error             x + |e| times the direction of another token's error
other_error_rotated     the same, turned to have this token's cosine between error and x
latents_perturbed       x + W(f' - f), f' active where the SAE's f is and nowhere else, as far away as e
sae_latents_perturbed   Sae(x) + W(f' - f)
sae_random              Sae(x) + |e| u
sae_scaled              Sae(x) with a factor on every latent that undoes its shrinkage
scaled_random           x + |e'| u, with e' the error of sae_scaled, which is shorter
zero, mean              0, and the mean activation

The first nine, zero and mean are those of "SAE reconstruction errors are (empirically) pathological" and
of its follow-ups; the others are controls that its commenters asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes

# f' = f max(1 + s g, FAINT): s is found by halving an interval so many times, up to this largest s.
HALVINGS = 64
LARGEST_STEP = 2.0**30
FAINT = 1e-3


@dataclass(frozen=True)
class Surroundings:
    """What other tokens of the site are like, from tokens that nothing is measured on; float64.

    mean (d,); activation_root, error_root (d, d), with root' root the covariance of the activations, and
    of x - Sae(x); activations, errors (p, d), some of them; scales (m,), a factor for every latent.
    """

    mean: Tensor
    activation_root: Tensor
    error_root: Tensor
    activations: Tensor
    errors: Tensor
    scales: Tensor


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch, what is put in their place, and their random numbers.

    x (n, d) float64; sae (n, d) float64, Sae(x), or whatever else stands for x; noise (n, d) float64,
    standard normal; others (n, 2) int64, rows of the pools of `around`. For what is done to latents also
    the dictionary, the codes of the n tokens, and latent_noise (nnz,) float64, standard normal, one for
    every active latent.
    """

    x: Tensor
    sae: Tensor
    around: Surroundings
    noise: Tensor
    others: Tensor
    dictionary: Dictionary | None = None
    codes: SparseCodes | None = None
    latent_noise: Tensor | None = None

    @cached_property
    def distance(self) -> Tensor:
        """|Sae(x) - x|, (n, 1)."""
        return _norm(self.sae - self.x)

    @cached_property
    def direction(self) -> Tensor:
        """u, (n, d), uniform on the sphere."""
        return self.noise / _norm(self.noise)

    def decoded(self, values: Tensor) -> Tensor:
        """What values (nnz,) of the active latents add to the reconstruction, (n, d) float64."""
        assert self.codes is not None and self.dictionary is not None
        added = torch.nn.functional.embedding_bag(
            self.codes.indices.long(),
            self.dictionary.W_dec.double(),
            self.codes.offsets[:-1],
            mode="sum",
            per_sample_weights=values,
        )
        return added / self.dictionary.input_scale

    @cached_property
    def scaled(self) -> Tensor:
        """Sae(x) with a factor on every latent, (n, d)."""
        assert self.codes is not None
        factors = self.around.scales[self.codes.indices.long()] - 1
        return self.sae + self.decoded(self.codes.values.double() * factors)

    @cached_property
    def latent_step(self) -> Tensor:
        """W(f' - f), (n, d): as long as e, with f' > 0 exactly where f > 0; 0 where no latent is active.

        f' = f max(1 + s g, FAINT) with g standard normal, the smallest s on a grid of halvings with that
        length. Latents grow as often as they shrink, so that the step leads neither along x nor back
        on average, but for those that can shrink no further.
        """
        assert self.codes is not None and self.latent_noise is not None
        rows, values, g = self.codes.rows, self.codes.values.double(), self.latent_noise
        low = torch.zeros_like(self.distance[:, 0])
        high = torch.full_like(low, LARGEST_STEP)

        def moved(steps: Tensor, g: Tensor) -> Tensor:
            return self.decoded(values * ((1 + steps[rows] * g).clamp(min=FAINT) - 1))

        # Latents that only shrink may not lead that far: then the noise is turned around.
        short = (_norm(moved(high, g)) < self.distance)[:, 0]
        g = torch.where(short[rows], -g, g)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            near = (_norm(moved(middle, g)) < self.distance)[:, 0]
            low, high = torch.where(near, middle, low), torch.where(near, high, middle)
        return moved(low, g)


Perturbation = Callable[[Tokens], Tensor]


def at_distance(tokens: Tokens, direction: Tensor, factor: float = 1.0) -> Tensor:
    """x + factor |e| times a direction, (n, d) of any length but 0."""
    return tokens.x + factor * tokens.distance * direction / _norm(direction)


def at_cosine(tokens: Tokens, cosine: Tensor | float) -> Tensor:
    """A random point with the norm of Sae(x) and the given cosine to x, a number or (n, 1)."""
    along = tokens.x / _norm(tokens.x)
    across = tokens.noise - (tokens.noise * along).sum(1, keepdim=True) * along
    across = across / _norm(across)
    cosine = torch.as_tensor(cosine, dtype=along.dtype, device=along.device)
    sine = (1 - cosine**2).clamp(min=0).sqrt()
    return _norm(tokens.sae) * (cosine * along + sine * across)


def _cosine_random(tokens: Tokens) -> Tensor:
    scale = _norm(tokens.x) * _norm(tokens.sae)
    return at_cosine(tokens, ((tokens.x * tokens.sae).sum(1, keepdim=True) / scale).clamp(-1, 1))


def _real_difference(tokens: Tokens) -> Tensor:
    one, other = (tokens.around.activations[tokens.others[:, at]] for at in range(2))
    return at_distance(tokens, other - one)


def _other_error_rotated(tokens: Tokens) -> Tensor:
    """The part of e along x is this token's own, the part across it has another error's direction."""
    along = tokens.x / _norm(tokens.x)
    own = tokens.sae - tokens.x
    parallel = (own * along).sum(1, keepdim=True)
    other = -tokens.around.errors[tokens.others[:, 0]]
    across = other - (other * along).sum(1, keepdim=True) * along
    length = (tokens.distance**2 - parallel**2).clamp(min=0).sqrt()
    return tokens.x + parallel * along + length * across / _norm(across)


def _scaled_random(tokens: Tokens) -> Tensor:
    return tokens.x + _norm(tokens.scaled - tokens.x) * tokens.direction


# What takes the place of x, by name; those whose name is in RANDOM differ from draw to draw.
PERTURBATIONS: dict[str, Perturbation] = {
    "sae": lambda t: t.sae,
    "sae_norm_of_x": lambda t: t.sae * (_norm(t.x) / _norm(t.sae)),
    "x_norm_of_sae": lambda t: t.x * (_norm(t.sae) / _norm(t.x)),
    "epsilon_random": lambda t: at_distance(t, t.direction),
    "epsilon_random_norm": lambda t: _at_norm(at_distance(t, t.direction), t.x),
    "cosine_random": _cosine_random,
    "real_difference": _real_difference,
    "zero": lambda t: torch.zeros_like(t.x),
    "mean": lambda t: t.around.mean.expand_as(t.x),
    "epsilon_activations": lambda t: at_distance(t, t.noise @ t.around.activation_root),
    "epsilon_errors": lambda t: at_distance(t, t.noise @ t.around.error_root),
    "other_error": lambda t: at_distance(t, -t.around.errors[t.others[:, 0]]),
    "other_error_rotated": _other_error_rotated,
    "latents_perturbed": lambda t: t.x + t.latent_step,
    "sae_latents_perturbed": lambda t: t.sae + t.latent_step,
    "sae_random": lambda t: t.sae + t.distance * t.direction,
    "sae_scaled": lambda t: t.scaled,
    "scaled_random": _scaled_random,
}
# Of latents, and so of nothing but an SAE's own codes.
OF_LATENTS = ("latents_perturbed", "sae_latents_perturbed", "sae_scaled", "scaled_random")
FIXED = ("sae", "sae_norm_of_x", "x_norm_of_sae", "zero", "mean", "sae_scaled")
RANDOM = tuple(name for name in PERTURBATIONS if name not in FIXED)


def _norm(vectors: Tensor) -> Tensor:
    """Lengths, (n, 1); of a vector of length 0 the smallest number, so that nothing is divided by 0."""
    length = vectors.norm(dim=1, keepdim=True)
    return length.clamp(min=torch.finfo(length.dtype).tiny)


def _at_norm(vectors: Tensor, of: Tensor) -> Tensor:
    return vectors * (_norm(of) / _norm(vectors))


def chosen_perturbations(
    extent: str, sweep: dict[str, list[float]], draws: int
) -> tuple[dict[str, Perturbation], list[tuple[str, int]]]:
    """The perturbations of an extent, and every draw of each, as `effects.effects` takes them.

    extent: ``full``, all; ``brief``, Sae(x) beside random errors of its size, isotropic and with the
        errors' covariance; ``sweep``, Sae(x) beside random errors of many sizes: ``distance_F``, F times as
        far from x as Sae(x), and ``cosine_C``, at the norm of Sae(x).
    """
    chosen = PERTURBATIONS
    if extent == "brief":
        chosen = {name: PERTURBATIONS[name] for name in ("sae", "epsilon_random", "epsilon_errors")}
    elif extent == "sweep":
        chosen = {"sae": PERTURBATIONS["sae"]} | {
            f"distance_{factor:g}": partial(_at_multiple, factor=factor)
            for factor in sweep["distances"]
        }
        chosen |= {f"cosine_{c:g}": partial(at_cosine, cosine=c) for c in sweep["cosines"]}
    drawn = [(n, at) for n in chosen for at in range(1 if n in FIXED else draws)]
    return chosen, drawn


def _at_multiple(tokens: Tokens, factor: float) -> Tensor:
    return at_distance(tokens, tokens.direction, factor)
