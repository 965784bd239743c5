"""The stretch of real text that the per-token figures show."""

from workflow_scripts.anatomy.activations import ActivationStore
from workflow_scripts.anatomy.errors import AnatomyError
from workflow_scripts.anatomy.splits import Split


def choose_window(store: ActivationStore, split: Split, tokens: int) -> tuple[int, slice]:
    """The first context held out, and `tokens` consecutive positions of it, from `min_position` on.

    With the ``paper`` split, which holds out single tokens, the first context is taken.

    Raises
    ------
    AnatomyError: a context has fewer such positions, or every context was trained on.
    """
    contexts, length = store.shape
    first = store.min_position
    if first + tokens > length:
        raise AnatomyError(
            f"config: dark_matter.tokens_shown is {tokens}, but a context of {store.path} has only "
            f"{length - first} tokens from position {first} on; lower it"
        )
    for context in range(contexts):
        train, _ = split.masks(slice(context, context + 1), length)
        if split.kind == "paper" or not train.any():
            return context, slice(first, first + tokens)
    raise AnatomyError(
        f"{store.path}: the split leaves no context held out; lower analysis.train_fraction or raise "
        "the harvest's contexts"
    )
