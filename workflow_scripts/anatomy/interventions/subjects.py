"""What may stand for an activation: Sae(x), x without a part of the error, codes by pursuit."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from workflow_scripts.anatomy.codes.pursuit import GradientPursuit
from workflow_scripts.anatomy.decomposition.error_store import COMPONENTS
from workflow_scripts.anatomy.saes.dictionary import Dictionary, SparseCodes, load_dictionary
from workflow_scripts.anatomy.saes.union import with_novel_latents
from workflow_scripts.anatomy.statistics.error_map import load_error_map
from workflow_scripts.anatomy.statistics.regression import LinearMap


@dataclass(frozen=True)
class Reconstruction:
    """What stands for the activations of n tokens, (n, d) float64, and the codes that it is decoded from."""

    sae: Tensor
    codes: SparseCodes | None = None
    dictionary: Dictionary | None = None


# x (n, d) float32 -> what stands for it.
Subject = Callable[[Tensor], Reconstruction]


def of_sae(dictionary: Dictionary) -> Subject:
    """Sae(x)."""

    def reconstruct(x: Tensor) -> Reconstruction:
        codes, sae = dictionary.reconstruct(x)
        return Reconstruction(sae.double(), codes, dictionary)

    return reconstruct


def of_component(dictionary: Dictionary, linear: LinearMap, component: str) -> Subject:
    """x without ``linear_error`` or ``nonlinear_error`` (dark-matter paper, Eq. 14 and 15): of the SAE's
    error, that component alone is made.

    linear: the map b* of Eq. 11, from x to LinearError(x).
    """
    if component not in COMPONENTS:
        raise ValueError(f"{component} is none of {COMPONENTS}")

    def reconstruct(x: Tensor) -> Reconstruction:
        part = linear(x)
        if component == "nonlinear_error":
            part = x.double() - dictionary.reconstruct(x)[1].double() - part
        return Reconstruction(x.double() - part)

    return reconstruct


def of_pursuit(dictionary: Dictionary) -> Subject:
    """What gradient pursuit makes of x on the SAE's decoder, with as many latents as the SAE has active."""
    pursuit = GradientPursuit(dictionary.W_dec)

    def reconstruct(x: Tensor) -> Reconstruction:
        offset = dictionary.offset(x)
        inside = x if offset is None else x - offset
        target = inside * dictionary.input_scale - dictionary.b_dec
        codes = pursuit(target, dictionary.encode(x).l0)
        return Reconstruction(dictionary.decode(codes, offset).double(), codes, dictionary)

    return reconstruct


def subject_of(
    name: str,
    dictionary: Dictionary,
    maps: str | None = None,
    wider: str | None = None,
    threshold: float = 0.0,
) -> Subject:
    """A subject by its name: ``sae``, ``sweep`` (an SAE's as well), a component of its error, ``pursuit``,
    or ``stitched``.

    maps: file of the SAE's error maps, for a component; wider, threshold: file of the SAE whose latents
    are added, and the cosine below which they are.
    """
    device = dictionary.W_dec.device
    if name in COMPONENTS and maps is not None:
        return of_component(dictionary, load_error_map(maps, str(device)), name)
    if name == "pursuit":
        return of_pursuit(dictionary)
    if name == "stitched" and wider is not None:
        return of_sae(with_novel_latents(dictionary, load_dictionary(wider, device), threshold))
    if name not in ("sae", "sweep"):
        raise ValueError(f"{name} is no subject, or lacks a file")
    return of_sae(dictionary)
