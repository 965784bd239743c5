"""Tiny random models of every causal architecture that the installed transformers has.

    python -m tests.anatomy.models.families [family ...]

prints, for each, whether what attention and MLP add makes up the residual stream, layer by layer, and
otherwise what its hook points say. A family is silently wrong if its hook points are taken and do not.
"""

import sys
import warnings

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.models.hook_points import blocks

CAUSAL = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)

# Keys of transformers configs under all the names they have; a config takes those that it knows.
SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
    # Widths of experts, low-rank attention and state spaces.
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "shared_intermediate_size": 16,
    "expert_ffn_hidden_size": 16,
    "ffn_hidden_size": 48,
    "ffn_dim": 48,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_topk": 2,
    "n_group": 1,
    "topk_group": 1,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": 50,
    "dim_ff": 48,
    "dim_head": 8,
    "d_kv": 8,
    "lru_width": 32,
    "ssm_state_size": 8,
    "mamba_d_state": 8,
    "mamba_d_head": 16,
    "mamba_n_heads": 4,
    "mamba_headdim": 16,
    "n_mamba_heads": 2,
    "attention_hidden_size": 32,
    "attention_head_dim": 8,
    "mamba_num_heads": 4,
    "mamba_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "decoder_layers": 4,
    "encoder_layers": 2,
    "num_decoder_layers": 4,
    "decoder_attention_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "encoder_ffn_dim": 48,
    "d_model": 32,
    "d_inner": 48,
    "word_embed_proj_dim": 32,
    "is_decoder": True,
    "sliding_window": 8,
    "num_global_key_value_heads": 2,
    "global_head_dim": 8,
    "index_n_heads": 2,
    "index_head_dim": 16,
    "index_topk": 4,
}
# What one family needs besides.
SPECIAL: dict[str, dict] = {
    "gptj": {"rotary_dim": 8},
    "codegen": {"rotary_dim": 8, "num_attention_heads": 4},
    "gpt_neo": {
        "attention_types": [[["global", "local"], 2]],
        "attention_layers": ["global", "local"] * 2,
    },
    "dots1": {"first_k_dense_replace": 1, "n_shared_experts": 1},
    "emu3": {"pad_token_id": 1},
} | {
    # These count positions from their padding token.
    family: {"pad_token_id": 1}
    for family in (
        "camembert",
        "data2vec-text",
        "roberta",
        "xlm-roberta",
        "roberta-prelayernorm",
        "xmod",
    )
}


def config(family: str, **changes):
    """The small config of a family, and of its parts."""
    made = AutoConfig.for_model(family)
    return _small(made, SPECIAL.get(family, {}) | changes)


def _small(made, changes: dict):
    """The same class of config, with the small values that it knows, and its parts made small."""
    kind = type(made)
    known = set(vars(made)) | set(kind.attribute_map)
    values, taken = {}, set()
    for key, value in (SMALL | changes).items():
        real = kind.attribute_map.get(key, key)
        if key not in known or (real in taken and key not in changes):
            continue
        # Of low-rank attention the head dimension is that of its rotary part.
        if real == "head_dim" and "qk_rope_head_dim" in known:
            value = SMALL["qk_rope_head_dim"]
        if isinstance(vars(made).get(real), list):
            continue
        values[real] = value
        taken.add(real)
    for key, value in vars(made).items():
        if hasattr(value, "model_type") and key != "vision_config":
            values[key] = _small(value, changes)
    return kind(**values)


def random_model(family: str, **changes):
    """A model of a family with random weights; norms are not the identity, nor biases zero."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config(family, **changes))
    for weights in model.parameters():
        if weights.ndim == 1:
            torch.nn.init.normal_(weights, 0.6, 0.2)
        elif weights.numel():
            torch.nn.init.normal_(weights, 0.0, 0.15)
    for module in model.modules():
        # Multipliers that are 1 would hide that they are there.
        for scale in ("residual_multiplier", "scale_depth"):
            if getattr(module, scale, None) == 1.0:
                setattr(module, scale, 0.7)
    return model.float().eval().requires_grad_(False)


def ids() -> torch.Tensor:
    """Two contexts of twelve tokens."""
    return torch.randint(1, 50, (2, 12), generator=torch.Generator().manual_seed(1))


def row(family: str) -> str:
    """One line on a family."""
    from workflow_scripts.anatomy.models.added import check_hook_points

    try:
        model = random_model(family)
        with torch.inference_mode():
            model(input_ids=ids(), use_cache=False)
    except Exception as error:
        return f"not built: {type(error).__name__} {one_line(error)[:150]}"
    try:
        layers = len(blocks(model))
    except AnatomyError as error:
        return f"no layers: {error}"
    found = []
    for layer in range(layers):
        for kind in ("attn_out", "mlp_out"):
            try:
                with torch.inference_mode():
                    check_hook_points(model, [f"blocks.{layer}.hook_{kind}"], ids(), family)
                found.append("adds up")
            except AnatomyError as error:
                found.append(f"{kind} of {layer} refused: {error}")
            except Exception as error:
                found.append(f"{kind} of {layer} FAILS: {type(error).__name__} {error}")
    if set(found) == {"adds up"}:
        return "adds up"
    return f"{found.count('adds up')} of {len(found)} add up; " + next(
        each for each in found if each != "adds up"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    from workflow_scripts.anatomy.models.language_model import quiet

    quiet()
    torch.set_num_threads(1)
    for family in sys.argv[1:] or CAUSAL:
        print(f"{family:28} {row(family)}", flush=True)
