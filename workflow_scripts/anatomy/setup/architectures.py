"""The architectures of SAEs: all that has to be known of one, in one place. Imports nothing slow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError


@dataclass(frozen=True)
class Architecture:
    """One architecture, by the name that sae_lens trains it under.

    takes: keys of a group of SAEs that may give its sparsity: ``k``, ``coefficients``, or either.
    penalty: the norm that its sparsity coefficient weighs, ``l1`` or ``l0`` as in sae_lens; empty
        where k itself is built in.
    whole_k: whether k has to be a whole number.
    saved_as: the architecture of its saved, inference form in sae_lens, and of the `Dictionary`.
    label, colour: in figures.
    own: what else its training configuration in sae_lens takes, of the width.
    """

    takes: tuple[str, ...]
    penalty: str
    whole_k: bool
    saved_as: str
    label: str
    colour: str
    own: Callable[[int], dict[str, Any]] = lambda width: {}


# In the order of legends; colours are those of the figures' palette.
ARCHITECTURES = {
    # A threshold takes the place of the batch that inference lacks.
    "batchtopk": Architecture(("k",), "", False, "jumprelu", "BatchTopK", "#0173b2"),
    "topk": Architecture(("k",), "", True, "topk", "TopK", "#de8f05"),
    "jumprelu": Architecture(("k", "coefficients"), "l0", False, "jumprelu", "JumpReLU", "#029e73"),
    "standard": Architecture(("coefficients",), "l1", False, "standard", "ReLU", "#d55e00"),
}
# Read and shown, but not trained here.
IMPORTED = {
    "matryoshka_batchtopk": Architecture((), "", False, "jumprelu", "Matryoshka", "#cc78bc"),
    "gated": Architecture((), "", False, "gated", "Gated", "#ca9161"),
}
KNOWN = ARCHITECTURES | {
    name: about for name, about in IMPORTED.items() if name not in ARCHITECTURES
}
# What else sae_lens can load, and why it has no place here.
REFUSED = {
    "abstopk": "whose latents may be active with negative values",
    "matching_pursuit": "which has no encoder",
    "temporal": "whose codes of a token depend on the tokens before it",
    "transcoder": "which rebuilds another hook point than it reads",
}


def architecture_of(name: str, where: str) -> Architecture:
    """What is known of an architecture that is trained here.

    where: what mentions it, for the message.

    Raises
    ------
    AnatomyError: there is no such architecture.
    """
    if name not in ARCHITECTURES:
        raise AnatomyError(f"{where}: {name} is none of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def check_readable(name: str, where: str) -> None:
    """Raise an AnatomyError where an SAE of architecture `name`, as its cfg.json has it, has no place here.

    where: what it is the architecture of, for the message.
    """
    if name in KNOWN:
        return
    kind = "transcoder" if "transcoder" in name else name
    why = f", {REFUSED[kind]}" if kind in REFUSED else ""
    raise AnatomyError(
        f"{where} is of architecture {name}{why}, which is not supported; those that are: "
        f"{', '.join(KNOWN)}"
    )


def present(names: Iterable[str], where: str) -> list[str]:
    """The architectures among `names`, in the order of legends; an unknown one is an error.

    Raises
    ------
    AnatomyError: one of them is unknown.
    """
    given = set(names)
    for name in sorted(given - KNOWN.keys()):
        raise AnatomyError(f"{where}: {name} is none of {', '.join(KNOWN)}")
    return [name for name in KNOWN if name in given]
