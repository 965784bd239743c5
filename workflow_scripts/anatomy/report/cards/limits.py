"""Known limits of an SAE and of its numbers, by rule; each with the number that says so."""

from collections.abc import Iterator, Mapping

from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.identity import Who
from workflow_scripts.anatomy.report.cards.method import Method
from workflow_scripts.anatomy.report.cards.shown import number

FEW_TOKENS = 1_000_000
FAR_FROM_L0 = 0.10  # of the nominal one
MANY_DEAD = 0.20
TOKENS_A_DIMENSION = 10  # below it regressions are of little use


def limits(who: Who, cells: Mapping[str, Cell], method: Method, seeds: int) -> list[str]:
    """Sentences, plain text. seeds: how many SAEs of the run differ from it in the seed alone."""
    return [
        *_tokens(who, cells),
        *_l0(who, cells),
        *_fvu(cells),
        *_dead(cells),
        *_threshold(who),
        *_regression(who, cells),
        *_text(who, method),
        *_seeds(seeds),
    ]


def _tokens(who: Who, cells: Mapping[str, Cell]) -> Iterator[str]:
    n = cells["l0"].n if "l0" in cells else None
    if n is not None and n < FEW_TOKENS:
        yield (
            f"It was judged on {n:,} tokens, fewer than {FEW_TOKENS:,}: a latent that fires on fewer "
            f"than one token in {n:,} counts as dead."
        )


def _l0(who: Who, cells: Mapping[str, Cell]) -> Iterator[str]:
    nominal, l0 = who.block["nominal_l0"], cells.get("l0")
    if not nominal or l0 is None or l0.value is None:
        return
    off = l0.value / nominal - 1
    if abs(off) > FAR_FROM_L0:
        yield (
            f"Its L0 of {number(l0.value, 3)} is {abs(off):.0%} {'above' if off > 0 else 'below'} the "
            f"{nominal:g} that it was made for."
        )


def _fvu(cells: Mapping[str, Cell]) -> Iterator[str]:
    fvu = cells.get("fvu")
    if fvu is not None and fvu.value is not None and fvu.value > 1:
        yield (
            f"Its FVU of {number(fvu.value, 3)} is above 1: the mean activation is nearer to the activations "
            "than what it rebuilds. It may be of another model or hook point, or want another input scale."
        )


def _dead(cells: Mapping[str, Cell]) -> Iterator[str]:
    share, dead = cells.get("dead_share"), cells.get("dead_latents")
    if share is None or share.value is None or share.value <= MANY_DEAD:
        return
    count = f"{int(dead.value):,}" if dead is not None and dead.value is not None else "some"
    yield f"{share.value:.0%} of its latents ({count}) never fire: it is in effect a narrower SAE."


def _threshold(who: Who) -> Iterator[str]:
    of_batches = who.architecture in ("batchtopk", "matryoshka_batchtopk")
    if of_batches and who.thresholds is not None:
        yield (
            f"One threshold, {number(who.thresholds[1], 3)}, stands for the batch that it chose its active "
            "latents from in training: its L0 on other text is not what it was trained to."
        )


def _regression(who: Who, cells: Mapping[str, Cell]) -> Iterator[str]:
    r2, nonlinear = cells.get("error_r2"), cells.get("fvu_nonlinear")
    if r2 is not None and r2.value is not None and r2.value < 0:
        yield (
            f"The linear map of its error predicts held-out tokens worse than their mean does "
            f"(R² {number(r2.value, 3)}): the parts of its error are not to be trusted."
        )
    n = nonlinear.n if nonlinear is not None else None
    if n is not None and n < TOKENS_A_DIMENSION * who.d:
        yield (
            f"The parts of its error are judged on {n:,} tokens in {who.d:,} dimensions, fewer than "
            f"{TOKENS_A_DIMENSION} a dimension."
        )


def _text(who: Who, method: Method) -> Iterator[str]:
    judged, trained = method.harvest(who)["dataset"], method.training_text(who)
    if trained is None:
        yield f"Its training text is not known here; how like it {judged} is cannot be said."
    elif trained != judged:
        yield f"It was trained on {trained} and judged on {judged}, other text."
    harvest = method.harvest(who)
    if harvest["min_position"] > 1:
        yield (
            f"Tokens before position {harvest['min_position']} are not counted; it may do worse there."
        )


def _seeds(seeds: int) -> Iterator[str]:
    if not seeds:
        yield "This run has it with one seed; how much its numbers change with the seed is not known."
