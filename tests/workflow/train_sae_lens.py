"""A tiny random model in a folder, and an SAE of it, trained by sae_lens alone: `python train_sae_lens.py FOLDER`.

Nothing of this project is imported: this is what somebody has who never heard of it.
"""

import sys
from pathlib import Path

from datasets import Dataset
from sae_lens import (
    LanguageModelSAERunnerConfig,
    LanguageModelSAETrainingRunner,
    LoggingConfig,
    TopKTrainingSAEConfig,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, set_seed

folder = Path(sys.argv[1])
texts = [path.read_text() for path in sorted((folder / "text").glob("*.txt"))]
set_seed(0)

bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
bpe.train_from_iterator(
    texts,
    trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=alphabet,
        show_progress=False,
    ),
)
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=bpe, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
)
model = GPT2LMHeadModel(
    GPT2Config(
        vocab_size=400,
        n_positions=64,
        n_embd=16,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
)
for part in (tokenizer, model):
    part.save_pretrained(folder / "models" / "tiny-gpt2")

config = LanguageModelSAERunnerConfig(
    sae=TopKTrainingSAEConfig(d_in=16, d_sae=32, k=3),
    model_name=str(Path("models") / "tiny-gpt2"),
    model_class_name="AutoModelForCausalLM",
    hook_name="transformer.h.0",
    dataset_path="text",
    is_dataset_tokenized=False,
    streaming=False,
    context_size=32,
    prepend_bos=False,
    training_tokens=16_384,
    train_batch_size_tokens=256,
    store_batch_size_prompts=8,
    n_batches_in_buffer=32,
    lr=0.003,
    device="cpu",
    output_path=str(folder / "saes" / "mine"),
    logger=LoggingConfig(log_to_wandb=False),
)
LanguageModelSAETrainingRunner(config, override_dataset=Dataset.from_dict({"text": texts})).run()
