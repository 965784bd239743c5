"""Random language models of several families, small enough for a test."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM

FAMILIES = {
    "gpt2": {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 16},
    "llama": {"hidden_size": 16, "num_hidden_layers": 3, "intermediate_size": 24},
    "gemma2": {"hidden_size": 16, "num_hidden_layers": 3, "intermediate_size": 24, "head_dim": 6},
    "gpt_neox": {"hidden_size": 16, "num_hidden_layers": 3, "intermediate_size": 24},
    "bloom": {"hidden_size": 16, "n_layer": 3, "n_head": 2},
}


def tiny(family: str):
    """A causal language model of three layers, 50 tokens, and (but for z in Gemma) width 16."""
    config = {"vocab_size": 50} | FAMILIES[family]
    if "hidden_size" in config and family != "bloom":
        config["num_attention_heads"] = 2
    if family in ("llama", "gemma2"):
        config["num_key_value_heads"] = 1
    if family == "gemma2":
        config["sliding_window"] = 4
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(family, bos_token_id=0, eos_token_id=0, pad_token_id=None, **config)
    )
    # Norms that start as the identity would hide which side of them a hook point is on.
    for weights in model.parameters():
        if weights.ndim == 1:
            torch.nn.init.normal_(weights, 0.5, 0.2)
    return model.eval().requires_grad_(False)


def ids() -> torch.Tensor:
    """Two contexts of nine tokens."""
    return torch.randint(0, 50, (2, 9), generator=torch.Generator().manual_seed(1))
