"""Language models: built, trained (to the bit, interrupted or not), imported, loaded."""

import json
import math
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.anatomy.models.tiny_models import FAMILIES, ids, tiny
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.models import training
from workflow_scripts.anatomy.models.language_model import build, import_model, load_model
from workflow_scripts.anatomy.models.samples import samples
from workflow_scripts.anatomy.text.tokenization import open_tokens, tokenize, train_tokenizer

GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2}
LENGTH, BATCH, STEPS = 8, 4, 12
DOWN = "model.layers.1.mlp.down_proj.weight"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split, n in (("train", 40), ("validation", 10)):
        lines = (json.dumps({"id": str(i), "text": f"{split} line {i} of some"}) for i in range(n))
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    train_tokenizer(folder / "train.jsonl", 270, folder / "tok/tokenizer.json")
    for split in ("train", "validation"):
        tokenize(folder / f"{split}.jsonl", folder / "tok", folder / f"d.{split}.npz")
    return folder


def block(**changes) -> dict:
    return {
        "kind": "train",
        "architecture": "gpt2",
        "config": GPT2,
        "dataset": "d",
        "vocabulary_size": 270,
        "context_length": LENGTH,
        "dtype": "float32",
        "training": {
            "tokens": STEPS * BATCH * LENGTH,
            "batch_size": BATCH,
            "learning_rate": 3e-3,
            "warmup_fraction": 0.25,
            "weight_decay": 0.1,
            "evaluations": 2,
            "checkpoints": 3,
        }
        | changes.pop("training", {}),
    } | changes


def train(data, folder, seed=0, **changes):
    return training.train_language_model(
        block(**changes), "toy", seed, "cpu", data / "d.train.npz", data / "d.validation.npz",
        data / "tok/tokenizer.json", folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    description, curve = train(data, folder)
    write_json(folder / "model.json", description)
    return folder, description, curve


def test_what_training_leaves(trained, data):
    folder, description, curve = trained
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "model", "model.json"]
    expected = {"name": "toy", "kind": "train", "path": "model", "architecture": "gpt2"}
    expected |= {"n_layers": 2, "d_model": 16, "n_heads": 2, "vocabulary": 270, "bos_id": 0}
    expected |= {"has_bos": True, "context_length": LENGTH, "dtype": "float32"}
    assert expected.items() <= description.items()
    losses = {
        split: [row for row in curve if row["split"] == split] for split in ("train", "validation")
    }
    assert [row["step"] for row in losses["train"]] == list(range(1, STEPS + 1))
    assert [row["step"] for row in losses["validation"]] == [6, 12]
    assert curve[0]["tokens"] == BATCH * LENGTH
    assert abs(losses["train"][0]["loss"] - math.log(270)) < 0.02
    assert losses["train"][-1]["loss"] < losses["train"][0]["loss"]
    rates = [row["learning_rate"] for row in losses["train"]]
    # A linear warmup of 3 steps, then half a cosine; the rate is the one that the step used.
    for step, rate in enumerate(rates):
        cosine = 0.5 * (1 + math.cos(math.pi * (step - 3) / (STEPS - 3)))
        assert rate == pytest.approx(3e-3 * (step / 3 if step < 3 else cosine))

    model, again = load_model(folder / "model.json")
    assert again == description and not model.training
    held_out = training._evaluation_contexts(open_tokens(data / "d.validation.npz"), LENGTH, 0)
    batch = torch.stack(held_out)
    loss = model(batch, labels=batch).loss.item()
    assert loss == pytest.approx(losses["validation"][-1]["loss"], rel=1e-5)


@pytest.mark.parametrize("stop", [5, 11])
def test_an_interrupted_training_ends_with_the_same_bits(
    trained, data, tmp_path, monkeypatch, stop
):
    folder, description, curve = trained
    on_step_end = training.Milestones.on_step_end
    started = []

    def interrupted(self, args, state, control, **named):
        if state.global_step == stop:
            raise KeyboardInterrupt
        return on_step_end(self, args, state, control, **named)

    monkeypatch.setattr(training.Milestones, "on_step_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path)
    assert list(tmp_path.glob("checkpoints/checkpoint-*"))
    # A checkpoint that was being written at the end has no seal, and is passed over.
    last = max(tmp_path.glob("checkpoints/*"), key=lambda path: int(path.name.split("-")[1]))
    shutil.copytree(last, tmp_path / f"checkpoints/checkpoint-{stop}")
    (tmp_path / f"checkpoints/checkpoint-{stop}" / training.SETTINGS).unlink()

    def counted(self, args, state, control, **named):
        started.append(state.global_step)
        return on_step_end(self, args, state, control, **named)

    monkeypatch.setattr(training.Milestones, "on_step_end", counted)
    assert train(data, tmp_path) == (description, curve)
    assert started[0] == int(last.name.split("-")[1]) + 1
    name = "model/model.safetensors"
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_checkpoint_of_other_settings_is_not_taken(data, tmp_path, monkeypatch):
    on_step_end = training.Milestones.on_step_end
    seen = []

    def interrupted(self, args, state, control, **named):
        seen.append(state.global_step)
        if state.global_step == 5:
            raise KeyboardInterrupt
        return on_step_end(self, args, state, control, **named)

    monkeypatch.setattr(training.Milestones, "on_step_end", interrupted)
    for seed in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path, seed=seed)
    assert seen == [1, 2, 3, 4, 5] * 2


def test_every_epoch_has_its_own_order(data):
    tokens = open_tokens(data / "d.train.npz")
    contexts = training.Contexts(tokens, 10, LENGTH, 0, 25, seed=3)
    assert len(contexts) == 25
    assert sorted(contexts.order[:10]) == sorted(contexts.order[10:20]) == list(range(10))
    assert list(contexts.order[:10]) != list(contexts.order[10:20])
    at = contexts.order[12] * (LENGTH - 1)
    assert contexts[12].tolist() == [0, *tokens.ids[at : at + LENGTH - 1].tolist()]


@pytest.mark.parametrize("checkpoints", [0, 1, 4])
def test_checkpoints_lie_on_logged_steps(checkpoints):
    plan = training.schedule(
        block(training={"tokens": 2570 * 32, "checkpoints": checkpoints})["training"], LENGTH
    )
    assert plan.steps == 2570 and plan.log_every == 25
    assert len(plan.checkpoints) == checkpoints
    assert all(step % plan.log_every == 0 and 0 < step < plan.steps for step in plan.checkpoints)
    assert plan.evaluations == {1285, 2570}


def test_samples_are_deterministic(trained, data):
    model, _ = load_model(trained[0] / "model.json")
    texts = [samples(model, data / "tok", data / "d.validation.npz", seed=5) for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0].count("Greedy") == texts[0].count("Temperature 0.8") == 4


def test_a_loss_that_diverges(data, tmp_path):
    with pytest.raises(AnatomyError, match=r"models\.toy\.training: the loss is (nan|inf) at step"):
        train(data, tmp_path, training={"learning_rate": 1e30, "warmup_fraction": 0.0})


def test_too_few_tokens_to_train_on(data, tmp_path):
    with pytest.raises(AnatomyError, match=r"d\.train.*enough for 0 contexts of 9999"):
        train(data, tmp_path, context_length=9999)


@pytest.mark.parametrize(
    ("architecture", "config", "message"),
    [
        ("gtp2", GPT2, "no causal language model gtp2; did you mean gpt2?"),
        ("bert_", GPT2, "no causal language model bert_"),
        ("gpt2", GPT2 | {"n_layers": 3}, "gpt2 has no key n_layers; did you mean n_layer?"),
        ("gpt2", GPT2 | {"n_head": 3}, "width 16 is not divisible by the 3 attention heads"),
        ("llama", {"hidden_size": 16, "num_attention_heads": 3}, "16) is not a multiple of"),
        (
            "gemma2",
            {"hidden_size": 16, "num_attention_heads": 2},
            "multiple of the 4 num_key_value",
        ),
        ("gpt2", GPT2 | {"n_embd": "wide"}, "gpt2 does not take it"),
        ("gpt2", GPT2 | {"n_positions": 64}, "n_positions is set by the workflow"),
        ("gpt2", GPT2 | {"vocab_size": 64}, "vocab_size is set by the workflow"),
        ("gpt2", GPT2 | {"activation_function": "gelo"}, "gpt2 cannot be built from it"),
    ],
)
def test_configs_that_make_no_model(architecture, config, message):
    with pytest.raises(AnatomyError, match=re.escape(message)) as error:
        build(architecture, config, 8, 270, 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "gpt_neox"])
def test_architectures(architecture):
    config = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    if architecture != "gpt2":
        config |= {"intermediate_size": 24}
    if architecture in ("llama", "gemma2"):
        config |= {"num_key_value_heads": 1}
    model = build(architecture, config, 12, 270, 0)
    made = model.config
    assert (made.hidden_size, made.num_hidden_layers, made.vocab_size) == (16, 2, 270)
    assert made.max_position_embeddings == 12 and made.bos_token_id == made.eos_token_id == 0
    assert all(module.p == 0 for module in model.modules() if isinstance(module, torch.nn.Dropout))
    assert model(torch.arange(12)[None]).logits.shape == (1, 12, 270)


def hf(path, **changes) -> dict:
    return {"kind": "hf", "path": str(path), "revision": None, "dtype": "float32"} | changes


def test_a_local_model(tmp_path):
    model = tiny("gemma2")
    model.save_pretrained(tmp_path / "gemma")
    description = import_model(hf(tmp_path / "gemma"), "g", 2)
    expected = {"n_layers": 3, "d_model": 16, "vocabulary": 50, "bos_id": 2, "revision": None}
    assert (expected | {"architecture": "gemma2", "has_bos": True}).items() <= description.items()
    write_json(tmp_path / "model.json", description)
    loaded, _ = load_model(tmp_path / "model.json")
    assert torch.equal(loaded(ids()).logits, model(ids()).logits)
    half, _ = load_model(tmp_path / "model.json", dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    assert not import_model(hf(tmp_path / "gemma"), "g", None)["has_bos"]


def test_a_model_in_the_hub_cache(tmp_path, monkeypatch):
    commit = "0123456789012345678901234567890123456789"
    cache = tmp_path / "models--org--toy"
    tiny("llama").save_pretrained(cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    description = import_model(hf("org/toy"), "t", 0)
    assert description["path"] == "org/toy" and description["revision"] == commit
    with pytest.raises(
        AnatomyError, match=r"models\.t\.path: org/other at revision main is neither"
    ):
        import_model(hf("org/other"), "t", 0)


def test_models_that_are_not_whole(tmp_path):
    with pytest.raises(AnatomyError, match=r"models\.m\.path: the folder /no/such/model does not"):
        import_model(hf("/no/such/model"), "m", 0)
    folder = tmp_path / "m"
    folder.mkdir()
    with pytest.raises(AnatomyError, match=r"has no config\.json"):
        import_model(hf(folder), "m", 0)
    tiny("gpt2").save_pretrained(folder)
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(AnatomyError, match=r"model\.safetensors is damaged"):
        import_model(hf(folder), "m", 0)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(AnatomyError, match=r"has no model\*\.safetensors"):
        import_model(hf(folder), "m", 0)
    tiny("gpt2").save_pretrained(folder, max_shard_size="8KB")
    next(folder.glob("model-00002*")).unlink()
    with pytest.raises(AnatomyError, match="lacks model-00002"):
        import_model(hf(folder), "m", 0)


def edited(folder, change):
    """Change the tensors of a saved model, in whichever of its files they lie."""
    for file in folder.glob("*.safetensors"):
        tensors = load_file(file)
        change(tensors)
        save_file(tensors, file, metadata={"format": "pt"})


@pytest.mark.parametrize("shard", ["1GB", "8KB"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(DOWN, None), f"lacks {re.escape(DOWN)}"),
        (
            lambda t: DOWN in t and t.update({DOWN: t[DOWN][:5]}),
            r"of shape \(5, 24\), not \(16, 24\)",
        ),
        (
            lambda t: DOWN in t and t.update({"model.layers.7.extra": t[DOWN].clone()}),
            r"has model\.layers\.7\.extra, which its architecture does not know",
        ),
    ],
)
def test_tensors_that_are_not_those_of_the_architecture(tmp_path, change, message, shard):
    folder = tmp_path / "m"
    tiny("llama").save_pretrained(folder, max_shard_size=shard)
    description = import_model(hf(folder), "m", 0)
    write_json(tmp_path / "model.json", description)
    edited(folder, change)
    if (index := folder / "model.safetensors.index.json").exists():
        weights = {key: f.name for f in folder.glob("*.safetensors") for key in load_file(f)}
        index.write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    with pytest.raises(AnatomyError, match=message) as error:
        import_model(hf(folder), "m", 0)
    assert "models.m" in str(error.value) and "\n" not in str(error.value)
    # Edited after it was imported: loading looks too.
    with pytest.raises(AnatomyError, match=message):
        load_model(tmp_path / "model.json")


def test_a_tensor_that_the_index_names_and_its_file_lacks(tmp_path):
    folder = tmp_path / "m"
    tiny("llama").save_pretrained(folder, max_shard_size="8KB")
    edited(folder, lambda tensors: tensors.pop(DOWN, None))
    with pytest.raises(AnatomyError, match=re.escape(DOWN)):
        import_model(hf(folder), "m", 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_tied_weights_and_old_constants_are_not_missed(tmp_path, family):
    model = tiny(family)
    model.save_pretrained(tmp_path / "m")
    edited(
        tmp_path / "m",
        lambda t: t.update(
            {
                "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
                "transformer.h.0.attn.masked_bias": torch.ones(1),
                "gpt_neox.layers.0.attention.bias": torch.ones(1, 1, 4, 4),
            }
        ),
    )
    write_json(tmp_path / "model.json", import_model(hf(tmp_path / "m"), "m", 0))
    loaded, _ = load_model(tmp_path / "model.json")
    assert torch.equal(loaded(ids()).logits, model(ids()).logits)


def test_a_tokenizer_that_begins_texts_with_a_token_that_the_model_lacks(tmp_path):
    tiny("llama").save_pretrained(tmp_path)
    import_model(hf(tmp_path), "m", 49)
    with pytest.raises(AnatomyError, match=r"models\.m: .*id 50, but .* ids 0 to 49"):
        import_model(hf(tmp_path), "m", 50)


def test_a_trained_model_that_is_gone(trained, tmp_path):
    write_json(tmp_path / "model.json", trained[1])
    with pytest.raises(AnatomyError, match=r"the model toy at .*model cannot be loaded") as error:
        load_model(tmp_path / "model.json")
    assert "\n" not in str(error.value)


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == "cpu"
    with pytest.raises(AnatomyError, match="finds no CUDA device"):
        resolve_device("cuda")
    with pytest.raises(AnatomyError, match="gpu is not one of auto, cpu, cuda"):
        resolve_device("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == resolve_device("cuda") == "cuda"
