"""What a run is of, said in a line each: from its checked configuration, before anything is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SEPARATORS = {"leave_out": "left out", "count": "too"}


@dataclass(frozen=True)
class Facts:
    """What a run is of. harvests: what is measured on, a line for each; seeds: all that are used."""

    run: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    harvests: tuple[str, ...]
    sites: int
    saes: int
    architectures: tuple[str, ...]
    widths: tuple[int, ...]
    seeds: tuple[int, ...]


def facts(config: Mapping[str, Any], saes: Sequence[Mapping[str, Any]]) -> Facts:
    """From a checked configuration and the blocks of its SAEs (`setup.catalogue.Sae.block`)."""
    harvests = {name: config["harvests"][name] for name in config["analysis"]["harvests"]}
    seeds = {config["seed"], *(sae["seed"] for sae in saes)}
    return Facts(
        run=config["run"],
        models=tuple(dict.fromkeys(each["model"] for each in harvests.values())),
        datasets=tuple(dict.fromkeys(each["dataset"] for each in harvests.values())),
        harvests=tuple(_harvest(name, each) for name, each in harvests.items()),
        sites=len({(sae["model"], sae["site"]) for sae in saes}),
        saes=len(saes),
        architectures=tuple(
            dict.fromkeys(sae["architecture"] for sae in saes if sae["architecture"])
        ),
        widths=tuple(sorted({sae["width"] for sae in saes if sae["width"]})),
        seeds=tuple(sorted(seeds)),
    )


def _harvest(name: str, block: Mapping[str, Any]) -> str:
    where = f"{block['contexts']:,} contexts of {block['context_length']:,} tokens"
    text = f"{block['dataset']}, split {block['split']}"
    return (
        f"{name}: {where} of {text}, run through {block['model']}; counted from position "
        f"{block['min_position']} on, tokens between documents {SEPARATORS[block['separators']]}"
    )
