"""An SAE in three sentences, by rule: no adjective without a number."""

from collections.abc import Mapping, Sequence

from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.comparable import Comparison
from workflow_scripts.anatomy.report.cards.identity import Who
from workflow_scripts.anatomy.report.cards.quantities import Quantity
from workflow_scripts.anatomy.report.cards.shown import interval, number, ordinal

EVERY = "fvu_all_tokens"  # what every SAE of a run has


def sentences(
    who: Who,
    quantities: Sequence[Quantity],
    cells: Mapping[str, Cell],
    comparisons: Mapping[str, Comparison | None],
) -> list[str]:
    """Three sentences about an SAE, plain text: how sparse and exact, what its error is and does, its latents."""
    say = _Words({each.key: each for each in quantities}, cells, comparisons)
    return [_reconstruction(who, say), _error(say), _latents(who, say)]


class _Words:
    """Numbers in words; None where there is no number."""

    def __init__(
        self,
        quantities: Mapping[str, Quantity],
        cells: Mapping[str, Cell],
        comparisons: Mapping[str, Comparison | None],
    ):
        self.quantities, self.cells, self.comparisons = quantities, cells, comparisons

    def __call__(self, key: str, ends: bool = True) -> str | None:
        """A value with its unit's digits, and in brackets its interval."""
        cell = self.cells.get(key)
        if cell is None or cell.value is None:
            return None
        digits = self.quantities[key].digits
        text = number(cell.value, digits)
        span = interval(cell.value, cell.lo, cell.hi, digits) if ends else ""
        return f"{text} ({span})" if span else text

    def rank(self, key: str) -> str:
        """The place among comparable SAEs, as the end of a clause; or that there are none."""
        found = self.comparisons.get(key)
        if found is None:
            return "this run has no other SAE to compare that with"
        quantity, of = self.quantities[key], f"{found.of} comparable SAEs"
        if found.without:
            of = f"the {of} of which it was measured so"
        place = f"{ordinal(found.rank)} of {of}"
        if found.median is None:
            return f"{place} ({found.beside(quantity)})"
        median = number(found.median, quantity.digits)
        if not found.verdict:
            return f"{place}, the others' median is {median}"
        return f"{place} and {found.verdict} than the others' median of {median}"

    def all_have(self, key: str) -> bool:
        """Whether the number was measured alike of all comparable SAEs."""
        found = self.comparisons.get(key)
        return found is not None and not found.without


def _reconstruction(who: Who, say: _Words) -> str:
    l0, fvu = say("l0", ends=False), say("fvu")
    start = f"Of its {who.width:,} latents {l0} are active on a token"
    if l0 is None:
        start = f"It has {who.width:,} latents"
    if fvu is None:
        return f"{start}; how much of the variance it reconstructs was not measured."
    text = f"{start}, and {fvu} of the activations' variance is not reconstructed"
    # The errors of some are taken apart, and only these have it of held-out documents.
    if say.all_have("fvu") or not say.all_have(EVERY):
        return f"{text}: {say.rank('fvu')}."
    everywhere = say(EVERY, ends=False)
    if everywhere == say("fvu", ends=False):
        return f"{text}: {say.rank(EVERY)}."
    return f"{text}; on all tokens it is {everywhere} and {say.rank(EVERY)}."


def _error(say: _Words) -> str:
    linear, nonlinear = say("fvu_linear"), say("fvu_nonlinear")
    if linear is None or nonlinear is None:
        error = "What its error is made of was not measured"
    else:
        error = f"Of that share {linear} is linearly predictable from the activation and {nonlinear} is not"
    recovered, kl, ratio = say("celr_zero"), say("kl"), say("pathology")
    effects = []
    if recovered is not None:
        effects.append(f"recovers {recovered} of the cross-entropy that zeros in its place lose")
    if kl is not None:
        effects.append(f"moves the predictions by {kl} nats of KL")
    if not effects:
        return f"{error}; what it does to the model's predictions was not measured."
    text = f"{error}; put into the model it {' and '.join(effects)}"
    if ratio is not None:
        text += f", {ratio} times as much as random errors of the same size"
    return f"{text}."


def _latents(who: Who, say: _Words) -> str:
    dead, share = say("dead_latents"), say("dead_share")
    parts = []
    if dead is not None:
        parts.append(f"{dead} of its {who.width:,} latents never fire (a share of {share})")
    dense = say("dense_latents")
    if dense is not None:
        parts.append(f"{dense} fire on more than a tenth of the tokens")
    novel = say("novel_share")
    if novel is not None:
        parts.append(f"a share of {novel} has no like one in the next smaller SAE")
    score, chance = say("interpretability"), say("interpretability_random")
    if score is not None:
        against = f", against {chance} of random directions" if chance is not None else ""
        parts.append(f"explanations of its latents score {score}{against}")
    if not parts:
        return "Its latents were not measured."
    text = ", ".join(parts[:-1]) + f" and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"{text[0].upper()}{text[1:]}."
