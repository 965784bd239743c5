"""How large the language models and SAEs of planned jobs are."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.launch.forecast.planned import Job

# Where neither the configuration nor a folder says it: width, layers, millions of parameters.
ON_THE_HUB = {
    "gpt2": (768, 12, 124),
    "pythia-70m": (512, 6, 70),
    "gemma-2-2b": (2304, 26, 2614),
    "gemma-2-9b": (3584, 42, 9242),
    "llama-3.1-8b": (4096, 32, 8030),
}
UNKNOWN = (2048, 24, 1500)


@dataclass(frozen=True)
class ModelSize:
    """A language model: d_model, layers, parameters, and whether these are a guess."""

    width: int
    layers: int
    parameters: float
    guessed: bool = False

    def forward(self, tokens: float, context: int) -> float:
        """FLOPs of one pass: 2 a parameter and token, and attention to half of the context."""
        return tokens * (2 * self.parameters + 2 * self.layers * self.width * context)


@dataclass(frozen=True)
class Sizes:
    """What jobs say of each other: models, harvests and SAEs by name, in blocks of the configuration."""

    models: dict[str, ModelSize]
    harvests: dict[str, dict[str, Any]]
    saes: dict[tuple[str, str, str], dict[str, Any]]

    def model(self, name: str | None) -> ModelSize:
        """That of a name; where no job makes it, the largest one of the run."""
        known = [*self.models.values()]
        if name in self.models:
            return self.models[name]
        return max(known, key=lambda each: each.parameters) if known else _of(UNKNOWN, True)

    def tokens(self, harvest: str | None) -> int:
        """Of a harvest, or of the smallest one."""
        counts = {
            name: block["contexts"] * block["context_length"]
            for name, block in self.harvests.items()
        }
        return counts.get(str(harvest), min(counts.values(), default=100_000))

    def analysed(self, model: str | None) -> tuple[int, int]:
        """Tokens and context length that the SAEs of a model are judged on: those not trained on."""
        trained = {sae.get("harvest") for sae in self.saes.values()}
        found = {
            name: block
            for name, block in self.harvests.items()
            if model in (None, block["model"]) and name not in trained
        } or self.harvests
        if not found:
            return 100_000, 256
        name = min(found, key=self.tokens)
        return self.tokens(name), found[name]["context_length"]

    def sae(self, job: Job) -> dict[str, Any]:
        """The block of the SAE that a job is about: width, training ...; empty where it is about none."""
        place = job.wildcards
        key = (place.get("model", ""), place.get("site", ""), place.get("sae", ""))
        own = job.params.get("sae")
        return own if isinstance(own, dict) else self.saes.get(key, {})

    def dimensions(self, model: str | None, site: str | None) -> int:
        """Of the activations at a site."""
        width = self.model(model).width
        return 4 * width if site and site.endswith("mlp.hook_post") else width


def sizes(jobs: list[Job]) -> Sizes:
    """The sizes that the parameters of a run's jobs tell."""
    models, harvests, saes = {}, {}, {}
    for job in jobs:
        # A rule that says it otherwise tells nothing, and its jobs cost what its kind costs.
        with suppress(KeyError, TypeError, AttributeError):
            match job.rule:
                case "train_language_model" | "import_model":
                    models[job.wildcards["model"]] = model_size(job.params["model"])
                case "harvest_activations":
                    harvests[job.wildcards["harvest"]] = job.params["harvest"]
                case "train_sae" | "import_sae":
                    place = job.wildcards
                    saes[place["model"], place["site"], place["sae"]] = job.params["sae"]
    return Sizes(models, harvests, saes)


def model_size(block: dict[str, Any]) -> ModelSize:
    """Of a model's block: by its configuration, its folder, or what is known of its name."""
    settings = block.get("config") if block.get("kind") == "train" else _folder(block)
    settings = (settings or {}).get("text_config") or settings or {}

    def first(*names: str) -> int | None:
        return next((settings[name] for name in names if isinstance(settings.get(name), int)), None)

    width, layers = (
        first("hidden_size", "n_embd", "d_model"),
        first("num_hidden_layers", "n_layer", "num_layers"),
    )
    if width and layers:
        inner = first("intermediate_size", "n_inner")
        gated = settings.get("intermediate_size") is not None
        feedforward = (3 if gated else 2) * (inner or 4 * width) * width
        vocabulary = block.get("vocabulary_size") or first("vocab_size") or 32_000
        return ModelSize(width, layers, layers * (4 * width**2 + feedforward) + vocabulary * width)
    name = Path(str(block.get("path", ""))).name.lower()
    return _of(ON_THE_HUB[name], False) if name in ON_THE_HUB else _of(UNKNOWN, True)


def _of(known: tuple[int, int, int], guessed: bool) -> ModelSize:
    width, layers, millions = known
    return ModelSize(width, layers, millions * 1e6, guessed)


def _folder(block: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads((Path(block["path"]).expanduser() / "config.json").read_text())
    except (OSError, ValueError, KeyError):
        return {}
