# From text to language models: documents, tokenizers, tokens, weights. All else waits for them and for
# the harvests, so they go before what could run beside them.

TRAINED_MODELS = any_of(n for n, m in config["models"].items() if m["kind"] == "train")
IMPORTED_MODELS = any_of(n for n, m in config["models"].items() if m["kind"] == "hf")


rule collect_documents:
    """Gather the text of a dataset and split it by document."""
    input:
        text_files,
    output:
        train="<store>/datasets/{dataset}/train.jsonl",
        validation="<store>/datasets/{dataset}/validation.jsonl",
    log:
        "<store>/logs/datasets/{dataset}.log",
    priority: 10
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("collect_documents.py"),
        name="{dataset}",
        dataset=lookup(dpath="datasets/{dataset}", within=config),
        python=python_version,
        files=fingerprint_of(text_files),
    script:
        "../workflow_scripts/collect_documents.py"


rule train_tokenizer:
    """Train the byte-level BPE tokenizer of a model on the training documents of its dataset."""
    input:
        documents=lambda w: f"{STORE}/datasets/{config['models'][w.model]['dataset']}/train.jsonl",
    output:
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
    log:
        "<store>/logs/{model}/tokenizer.log",
    wildcard_constraints:
        model=TRAINED_MODELS,
    priority: 10
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (1000 + 20 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("train_tokenizer.py"),
        vocabulary_size=lookup(dpath="models/{model}/vocabulary_size", within=config),
    script:
        "../workflow_scripts/train_tokenizer.py"


rule import_tokenizer:
    """Take the tokenizer of a model from its folder or the hub."""
    input:
        local_model_files,
    output:
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
    log:
        "<store>/logs/{model}/tokenizer.log",
    wildcard_constraints:
        model=IMPORTED_MODELS,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=code_of("import_tokenizer.py"),
        files=fingerprint_of(local_model_files),
        name="{model}",
        model=lookup(dpath="models/{model}", within=config),
    script:
        "../workflow_scripts/import_tokenizer.py"


rule tokenize_documents:
    """Turn the documents of one split into one run of tokens."""
    input:
        documents="<store>/datasets/{dataset}/{split}.jsonl",
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
    output:
        tokens="<store>/{model}/tokens/{dataset}.{split}.npz",
    log:
        "<store>/logs/{model}/tokens/{dataset}.{split}.log",
    priority: 10
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, input, attempt: attempt * (1500 + 2 * int(input.size_mb)),
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=code_of("tokenize_documents.py"),
    script:
        "../workflow_scripts/tokenize_documents.py"


rule train_language_model:
    """Train a language model from its transformers configuration."""
    input:
        train=training_tokens("train"),
        validation=training_tokens("validation"),
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
    output:
        model="<store>/{model}/model.json",
        curve="<store>/{model}/loss_curve.csv",
        samples="<store>/{model}/samples.md",
    log:
        "<store>/logs/{model}/model.log",
    wildcard_constraints:
        model=TRAINED_MODELS,
    priority: 10
    conda:
        "../envs/environment.yaml"
    threads: config["threads"]
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: attempt
        * (30 + config["models"][w.model]["training"]["tokens"] // 200_000),
        gpu=GPU,
    params:
        code=code_of("train_language_model.py"),
        name="{model}",
        model=lookup(dpath="models/{model}", within=config),
        seed=config["seed"],
        device=config["device"],
        threads=config["threads"],
    script:
        "../workflow_scripts/train_language_model.py"


rule import_model:
    """Check that the weights of a model are there, and describe it."""
    input:
        local_model_files,
        tokenizer="<store>/{model}/tokenizer/tokenizer.json",
    output:
        model="<store>/{model}/model.json",
    log:
        "<store>/logs/{model}/model.log",
    wildcard_constraints:
        model=IMPORTED_MODELS,
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        code=code_of("import_model.py"),
        files=fingerprint_of(local_model_files),
        name="{model}",
        model=lookup(dpath="models/{model}", within=config),
    script:
        "../workflow_scripts/import_model.py"
