"""A run by the name of its folder: what it has in tables, and the stores that these were made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.anatomy.base.errors import AnatomyError, did_you_mean
from workflow_scripts.anatomy.base.store import MANIFEST

if TYPE_CHECKING:  # a notebook that only reads tables waits for no torch
    import pandas as pd

    from workflow_scripts.anatomy.activations.store import ActivationStore
    from workflow_scripts.anatomy.report.notebook.sae import OpenSae

SUMMARY = "summary"  # the table with a row for every SAE that has codes


@dataclass(frozen=True)
class Run:
    """A finished run. Nothing is read before it is asked for, and nothing is written.

    folder: results/<run>. store: the one of its configuration. harvests: model -> name of the harvest that
    its SAEs are dissected on; a model that is not in it has one harvest with codes, or the
    configuration says which it is.
    """

    folder: Path
    store: Path
    harvests: dict[str, str]

    def tables(self) -> list[str]:
        """The names of all tables, ``<paper>/<table>``, in order."""
        found = sorted((self.folder / "tables").glob("*/*.csv"))
        return [f"{path.parent.name}/{path.stem}" for path in found]

    def table(self, name: str) -> "pd.DataFrame":
        """A table as a data frame.

        Raises
        ------
        AnatomyError: the run has no such table; the nearest ones are named.
        """
        from workflow_scripts.anatomy.base.tables import read_table

        names = self.tables()
        if name not in names:
            hint = did_you_mean(name, names, 3, 0.3) or f"; run.tables() has {len(names)}"
            raise AnatomyError(f"{self.folder}: there is no table {name}{hint}")
        return read_table(self.folder / "tables" / f"{name}.csv")

    def saes(self) -> "pd.DataFrame":
        """The SAEs of the run, one a row: model, site, sae, architecture, width, measured L0 and FVU."""
        columns = ["model", "site", "sae", "architecture", "width", "l0", "seed", "fvu"]
        return self.table(self._summary())[columns]

    def _summary(self) -> str:
        found = [name for name in self.tables() if name.split("/")[1] == SUMMARY]
        if not found:
            raise AnatomyError(
                f"{self.folder} has no table of its SAEs yet; run `make run` to its end"
            )
        return found[0]

    def activations(self, model: str) -> "ActivationStore":
        """The activations, tokens and losses that a model's SAEs are dissected on.

        Raises
        ------
        AnatomyError: no such model, or which of several harvests it is cannot be told.
        """
        from workflow_scripts.anatomy.activations.store import open_activations

        return open_activations(self.store / model / f"{self.harvest(model)}.zarr")

    def sae(self, model: str, site: str, name: str) -> "OpenSae":
        """One SAE of the run, which encodes and decodes, with its codes and errors.

        Raises
        ------
        AnatomyError: the run has no such SAE; the nearest ones are named.
        """
        from workflow_scripts.anatomy.report.notebook.sae import OpenSae

        known = self.saes()
        wanted = (known["model"] == model) & (known["site"] == site) & (known["sae"] == name)
        if not wanted.any():
            labels = [" ".join(row) for row in known[["model", "site", "sae"]].to_numpy()]
            hint = did_you_mean(f"{model} {site} {name}", labels, 3, 0.3)
            raise AnatomyError(f"{self.folder}: there is no SAE {model} {site} {name}{hint}")
        return OpenSae(self, model, site, name)

    def errors(self, sae: "OpenSae", contexts: slice = slice(0, 16)) -> "pd.DataFrame":
        """The errors of an SAE token by token; see `OpenSae.errors`."""
        return sae.errors(contexts)

    def top_contexts(
        self, sae: "OpenSae", latent: int, number: int = 10, window: int = 21
    ) -> "pd.DataFrame":
        """Where a latent fires most strongly; see `OpenSae.top_contexts`."""
        return sae.top_contexts(latent, number, window)

    def harvest(self, model: str) -> str:
        """The name of the harvest that a model's SAEs are dissected on."""
        if model in self.harvests:
            return self.harvests[model]
        stores = self.store / model
        if not stores.is_dir():
            models = [path.name for path in self.store.iterdir() if (path / "model.json").is_file()]
            raise AnatomyError(f"{self.store}: there is no model {model}; known are {models}")
        site, sae = self.table(self._summary()).query("model == @model")[["site", "sae"]].iloc[0]
        ending = ".codes.zarr"
        found = sorted((stores / site / sae).glob(f"*{ending}/{MANIFEST}"))
        names = [path.parent.name.removesuffix(ending) for path in found]
        said = _configured(self.folder, model)
        if said is not None and said in names:
            return said
        if len(names) != 1:
            raise AnatomyError(
                f"{stores / site / sae} has codes on {', '.join(names) or 'no harvest'}, and which of them "
                f'this run is about is not said; open_run(..., harvests={{"{model}": NAME}})'
            )
        return names[0]


def open_run(folder: str | Path, harvests: dict[str, str] | None = None) -> Run:
    """Open the run whose results are in `folder`, such as ``results/default``.

    harvests: model -> harvest, for a model with codes on several and a run without a configuration.

    Raises
    ------
    AnatomyError: no such folder, or one without tables.
    """
    path = Path(folder).expanduser()
    if not (path / "tables").is_dir():
        others = sorted(each.parent for each in path.parent.glob("*/tables"))
        hint = f"; there are {', '.join(map(str, others))}" if others else ""
        raise AnatomyError(f"{path} has no tables, so it is no run{hint}")
    return Run(path, _store(path), dict(harvests or {}))


def _store(folder: Path) -> Path:
    """The store of a run: the one of its configuration, if it is there, else the one beside the run."""
    root = folder.resolve().parents[1]
    said = [config["store"] for config in _configurations(folder) if "store" in config]
    found = [root / Path(str(store)).expanduser() for store in said]
    return next((store for store in found if store.is_dir()), folder.parent / "store")


def _configured(folder: Path, model: str) -> str | None:
    """The harvest of a model that the run's configuration names, where one lies at hand."""
    from workflow_scripts.anatomy.setup.completion import filled

    for config in _configurations(folder):
        try:
            config, _ = filled(config)
            for harvest in config["analysis"]["harvests"]:
                if config["harvests"][harvest]["model"] == model:
                    return harvest
        except (KeyError, TypeError, AttributeError, AnatomyError):
            continue
    return None


def _configurations(folder: Path) -> Iterator[dict[str, Any]]:
    """The configurations at hand that are of this run, its own record first; keys may be left out in them."""
    import yaml

    beside = folder.resolve().parents[1] / "config.yaml"
    for file in (folder / "audit" / "config.json", folder / "config.yaml", beside):
        try:
            config = yaml.safe_load(file.read_text())
            if config["run"] == folder.resolve().name:
                yield config
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            continue
