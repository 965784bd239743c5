"""What interventions cost: resumed after the site, and from one position on, against hooked whole passes.

A hooked pass runs the whole model and computes Sae(x) inside its hook, for each intervention anew. Of what it
predicts the divergence is `torch.nn.functional.kl_div` of all tokens at once.
"""

import time
from collections.abc import Callable, Iterator

import pandas as pd
import torch
from torch.nn import functional

from benchmarks.report import report

LAYERS, D, HEADS, VOCABULARY, T, CONTEXTS, LATENTS = 12, 256, 4, 8192, 128, 8, 8192
NINE = (
    *("sae", "sae_norm_of_x", "x_norm_of_sae", "epsilon_random", "epsilon_random_norm"),
    *("cosine_random", "real_difference", "zero", "mean"),
)
DRAWS, POSITION, FOLLOWING, REPEATS = 128, 32, 16, 7


def seconds(*runs: Callable[[], Iterator[torch.Tensor]]) -> list[float]:
    """The least of a few repetitions of each, in turn, so that a busy moment of the machine is no one's.

    What one yields is not kept, as the workflow does not keep it.
    """
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(REPEATS):
        for run, of_run in zip(runs, times, strict=True):
            start = time.perf_counter()
            for _ in run():
                pass
            of_run.append(time.perf_counter() - start)
    return [min(of_run) for of_run in times]


@torch.no_grad()
def main() -> None:
    """A random GPT-2 of twelve layers, its residual stream after layer 5 replaced."""
    from transformers import AutoModelForCausalLM, GPT2Config

    from workflow_scripts.anatomy.interventions.effects import random_tokens
    from workflow_scripts.anatomy.interventions.perturbations import PERTURBATIONS, Surroundings
    from workflow_scripts.anatomy.interventions.subjects import Reconstruction, of_sae
    from workflow_scripts.anatomy.models.continuing import Continuation
    from workflow_scripts.anatomy.models.hook_points import capturing
    from workflow_scripts.anatomy.models.losses import kl_from_logits
    from workflow_scripts.anatomy.models.substituting import resumed, substituting
    from workflow_scripts.anatomy.saes.dictionary import Dictionary

    torch.manual_seed(0)
    sizes = {"n_layer": LAYERS, "n_embd": D, "n_head": HEADS, "n_positions": T}
    config = GPT2Config(vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=0, **sizes)
    model = AutoModelForCausalLM.from_config(config).eval()
    layer = LAYERS // 2 - 1
    site = f"blocks.{layer}.hook_resid_post"
    ids = torch.randint(0, VOCABULARY, (CONTEXTS, T))
    with capturing(model, [site]) as captured:
        model(ids, use_cache=False)
    x = captured[site].clone()
    directions = torch.nn.functional.normalize(torch.randn(LATENTS, D), dim=1)
    bias = torch.full((LATENTS,), -float(x.norm(dim=2).mean()) / 8)
    subject = of_sae(Dictionary(directions.T.contiguous(), bias, directions, torch.zeros(D)))
    pool = x.flatten(0, 1).double()
    root = torch.eye(D).double()
    around = Surroundings(pool.mean(0), root, root, pool, pool, torch.ones(LATENTS))

    def perturbed(name: str, activations: torch.Tensor, stands: Reconstruction) -> torch.Tensor:
        flat = activations.flatten(0, 1)
        tokens = random_tokens(flat, stands, around, range(len(activations)), (0, 0))
        return PERTURBATIONS[name](tokens).float().reshape(activations.shape)

    def hooked() -> Iterator[torch.Tensor]:
        for name in NINE:
            hook = lambda a, name=name: perturbed(name, a, subject(a.flatten(0, 1)))  # noqa: E731
            with substituting(model, {site: hook}):
                yield model(ids, use_cache=False).logits

    resume = resumed(model, layer)
    clean = resume(x).log_softmax(-1).flatten(0, 1)

    def after_site() -> Iterator[torch.Tensor]:
        stands = subject(x.flatten(0, 1))
        tokens = random_tokens(x.flatten(0, 1), stands, around, range(CONTEXTS), (0, 0))
        for name in NINE:
            yield resume(PERTURBATIONS[name](tokens).float().reshape(x.shape))

    def plain_kl(logits: torch.Tensor) -> torch.Tensor:
        logs = logits.flatten(0, 1).log_softmax(-1)
        return functional.kl_div(logs, clean, reduction="none", log_target=True).sum(-1)

    one = x[:1]
    draws = one.repeat(DRAWS, 1, 1)
    draws[:, POSITION] += torch.randn(DRAWS, D)
    seen = slice(POSITION, POSITION + FOLLOWING + 1)

    def from_position() -> Iterator[torch.Tensor]:
        run = Continuation(model, layer, one[:, :POSITION])
        for part in draws.split(DRAWS // 2):
            yield run(part[:, seen])

    def whole_draws() -> Iterator[torch.Tensor]:
        for part in draws.split(CONTEXTS):
            with substituting(model, {site: part}):
                yield model(ids[:1].repeat(len(part), 1), use_cache=False).logits[:, seen]

    rows = []
    for what, ours, peer in (
        (f"{len(NINE)} interventions, all positions", after_site, hooked),
        (
            "the same, and KL(P || Q) of every token",
            lambda: (kl_from_logits(clean, logits.flatten(0, 1)) for logits in after_site()),
            lambda: map(plain_kl, hooked()),
        ),
        (f"{DRAWS} draws of one position", from_position, whole_draws),
    ):
        here, there = seconds(ours, peer)
        row = {"what": what, "here, s": here, "hooked whole passes, s": there}
        row |= {"ratio": there / here, "largest difference": _difference(ours(), peer())}
        rows.append(row)
    title = f"Interventions after layer {layer} of {LAYERS}, {CONTEXTS} contexts of {T} tokens"
    report("effects_against_hooked_passes", title, pd.DataFrame(rows))


def _difference(ours: Iterator[torch.Tensor], peer: Iterator[torch.Tensor]) -> float:
    """The largest one anywhere; the two may come in parts of other sizes."""
    return float((torch.cat([*ours]) - torch.cat([*peer])).abs().max())


if __name__ == "__main__":
    main()
