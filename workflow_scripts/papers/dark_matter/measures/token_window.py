"""The stretch of real text that the per-token figures show."""

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.splits import Split


def choose_window(store: ActivationStore, split: Split, tokens: int) -> tuple[int, slice]:
    """The first context held out, and `tokens` consecutive positions of it, from `min_position` on.

    With the ``paper`` split, which holds out single tokens, the first context is taken.

    Raises
    ------
    AnatomyError: a context has fewer such positions, or every context was trained on.
    """
    length = store.shape[1]
    first = store.min_position
    if first + tokens > length:
        raise AnatomyError(
            f"config: dark_matter.tokens_shown is {tokens}, but a context of {store.path} has only "
            f"{length - first} tokens from position {first} on; lower it"
        )
    (context,) = split.held_out_contexts(store.shape, 1)
    return context, slice(first, first + tokens)
