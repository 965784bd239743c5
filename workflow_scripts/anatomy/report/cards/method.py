"""How the numbers of a run were measured, as a card says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.identity import Who

SOFTWARE = ("numpy", "sae_lens", "torch", "transformers")

# What is made of the tokens between documents, by the harvest's `separators`.
SEPARATORS = {
    "leave_out": "tokens between documents are not counted, and stay as they are where the SAE is put into the model",
    "count": "tokens between documents are counted like others",
}


@dataclass(frozen=True)
class Method:
    """What of the configuration the numbers depend on.

    run: its name. models, datasets, harvests: those blocks. analysis: that block. contexts: how many the
    effects on the model were measured on. seed: of the run.
    """

    run: str
    models: Mapping[str, Any]
    datasets: Mapping[str, Any]
    harvests: Mapping[str, Any]
    analysis: Mapping[str, Any]
    contexts: int
    seed: int

    def harvest(self, who: Who) -> dict[str, Any]:
        """The harvest that an SAE is judged on."""
        return self.harvests[who.files["harvest"]]

    def lines(self, who: Who, cells: Mapping[str, Cell]) -> list[tuple[str, str]]:
        """What was done and with what, in pairs of a name and a text."""
        harvest, analysis = self.harvest(who), self.analysis
        model = who.model_about
        bos = "begins with a BOS token" if model.get("has_bos") else "has no BOS token"
        n = next((cell.n for key, cell in cells.items() if key == "l0" and cell.n), None)
        text = self.text(harvest["dataset"])
        lines = [
            ("Text", f"{text}, its {harvest['split']} part"),
            (
                "Contexts",
                f"{harvest['contexts']:,} of {harvest['context_length']:,} tokens; each {bos}",
            ),
            ("Positions", f"from {harvest['min_position']} on; earlier ones are not counted"),
            ("Separators", SEPARATORS[harvest["separators"]]),
        ]
        if n:
            lines.append(("Tokens counted", f"{n:,}"))
        lines += [
            (
                "Held out",
                f"split by {analysis['split']}, {analysis['train_fraction']:g} of it to fit regressions",
            ),
            (
                "Intervals",
                f"95 %, {analysis['bootstrap']:,} resamples of documents"
                if analysis["bootstrap"]
                else "none",
            ),
            ("Losses with the SAE", f"on {self.contexts:,} contexts on which nothing was fitted"),
            ("Seed of the run", str(self.seed)),
            ("Software", software()),
            ("SHA-256 of the SAE", who.digest),
        ]
        return lines

    def text(self, dataset: str) -> str:
        """What a dataset is, in a few words."""
        block = self.datasets[dataset]
        where = block.get("path") or block.get("paths")
        of = f"{block['kind']}" + (f", {where}" if where else "")
        return f"{dataset} ({of})"

    def training_text(self, who: Who) -> str | None:
        """The dataset that an SAE was trained on, if that is known."""
        harvest = who.block.get("harvest")
        return self.harvests[harvest]["dataset"] if harvest else None


def software() -> str:
    """Versions of what computed the numbers."""
    found = []
    for name in SOFTWARE:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
