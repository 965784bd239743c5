"""Run a model's later layers on the last positions of a context, many times, on one common beginning.

Where only one position of a residual stream is changed, all before it stays as it is: keys and values of
these positions are computed once for all draws, and each draw costs the layers after the site on the
positions from there on.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.models.hook_points import blocks, on_input
from workflow_scripts.anatomy.models.substituting import PassThrough, returns_tuple


class Continuation:
    """The layers of a model after `layer`, from one context's residual stream on.

    Parameters
    ----------
    model: a causal language model of transformers, in evaluation mode, that keeps keys and values of all
        earlier positions (a `DynamicCache`).
    layer: from the residual stream ``blocks.layer.hook_resid_post``; -1: from what enters layer 0.
    beginning: (1, p, d), the residual stream before the first position that changes, p at least 1.
    """

    def __init__(self, model: nn.Module, layer: int, beginning: torch.Tensor):
        from transformers import DynamicCache

        layers = blocks(model)
        if not -1 <= layer < len(layers) or beginning.shape[1] < 1:
            raise AnatomyError(
                f"cannot continue after layer {layer} from {beginning.shape[1]} positions: the model has "
                f"layers 0 to {len(layers) - 1}, and one position or more has to come before"
            )
        self.model, self.layers, self.skipped = model, layers, layer + 1
        self.as_tuple = returns_tuple(model, layers) if self.skipped else False
        self.cache = DynamicCache(config=model.config.get_text_config())
        self._run(beginning, self.cache)
        # The model asks the first layer how long the beginning was.
        nothing = torch.zeros(1, 1, beginning.shape[1], 1, device=beginning.device)
        for at in range(self.skipped):
            self.cache.update(nothing, nothing, at)

    def __call__(self, residual: torch.Tensor) -> torch.Tensor:
        """Logits (n, k, vocabulary) of the next k positions, for n of their residual streams (n, k, d)."""
        cache = deepcopy(self.cache)
        cache.batch_repeat_interleave(len(residual))
        return self._run(residual, cache)

    @torch.no_grad()
    def _run(self, residual: torch.Tensor, cache: Any) -> torch.Tensor:
        residual = residual.to(next(self.model.parameters()).dtype)
        with self._skipping(residual):
            output = self.model(inputs_embeds=residual, past_key_values=cache, use_cache=True)
        return output.logits

    @contextmanager
    def _skipping(self, residual: torch.Tensor) -> Iterator[None]:
        with ExitStack() as stack:
            for at in range(self.skipped):
                block = self.layers[at]
                stack.callback(self.layers.__setitem__, at, block)
                self.layers[at] = PassThrough(block, self.as_tuple)
            if self.skipped:
                self.layers[self.skipped - 1].given = residual
            else:
                stack.callback(on_input(self.layers[0], lambda _: residual).remove)
            yield
