"""The keys of a model that is trained here are looked at before anything runs, without importing transformers."""

import subprocess
import sys
from dataclasses import fields

import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.model_keys import (
    causal_architectures,
    check_model_keys,
    keys_of,
)


def config(architecture="gpt2", **keys):
    return {"models": {"mine": {"kind": "train", "architecture": architecture, "config": keys}}}


def test_they_are_those_of_the_classes():
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    assert causal_architectures() == set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    read = 0
    for architecture in sorted(causal_architectures()):
        if (keys := keys_of(architecture)) is None:
            continue
        kind = CONFIG_MAPPING[architecture]
        assert keys.own | keys.aliases.keys() == {each.name for each in fields(kind)} | set(
            kind.attribute_map
        ), architecture
        read += 1
    assert read > 0.9 * len(causal_architectures())


@pytest.mark.parametrize(
    "given",
    [
        config(n_embd=24, n_layer=2, n_head=2),
        config(hidden_size=24, num_hidden_layers=2),
        config("llama", hidden_size=24, intermediate_size=48),
        {"models": {"theirs": {"kind": "hf", "path": "some/model"}}},
    ],
)
def test_right_keys_are_no_error(given):
    check_model_keys(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            config(n_embed=24),
            r"models\.mine\.config: gpt2 has no key n_embed; did you mean n_embd\?",
        ),
        (config("llama", hiden_size=24), "llama has no key hiden_size; did you mean hidden_size"),
        (config("llama", n_embd=24), "llama has no key n_embd; "),
        (config(n_positions=64), r"models\.mine\.config\.n_positions is set by the workflow"),
        (config("llama", max_position_embeddings=64), "max_position_embeddings is set by"),
        (config(vocab_size=64), "vocab_size is set by the workflow"),
        (config("gpt3"), r"models\.mine\.architecture: .*no causal language model gpt3; did you"),
        (config("bert_tiny"), "no causal language model bert_tiny"),
    ],
)
def test_wrong_ones_are_named(given, message):
    with pytest.raises(AnatomyError, match=message):
        check_model_keys(given)


def test_nothing_slow_is_imported():
    code = (
        "import sys\n"
        "from workflow_scripts.anatomy.setup.model_keys import keys_of\n"
        "assert keys_of('gpt2') and not {'torch', 'transformers'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
