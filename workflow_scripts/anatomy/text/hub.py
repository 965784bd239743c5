"""Rows of a data set of the Hugging Face hub: streamed, or offline from what was fetched beforehand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.base.job import log


def hub_rows(
    where: str, source: str, name: str | None, split: str, revision: str | None
) -> Iterator[dict[str, Any]]:
    """The rows of one split of a data set, a hub id or a folder, as a stream.

    Offline (HF_HUB_OFFLINE=1), or where the hub cannot be reached, they come from the data set's snapshot in
    the hub's cache, as those of models do; without one from the cache of `datasets`.

    where: the key of the configuration, such as datasets.prose. name: the data set's configuration.

    Raises
    ------
    AnatomyError: there is no such data set, or it can neither be reached nor is it in a cache.
    """
    import datasets
    from huggingface_hub import constants

    def opened(path: str, at: str | None) -> Any:
        return datasets.load_dataset(path, name, split=split, revision=at, streaming=True)

    try:
        if constants.HF_HUB_OFFLINE and (folder := _snapshot(source, revision)):
            return iter(opened(folder, None))
        try:
            return iter(opened(source, revision))
        except ConnectionError:
            folder = _snapshot(source, revision)
            if folder is None:
                raise
            log.warning("%s cannot be reached; its snapshot %s is read", source, folder)
            return iter(opened(folder, None))
    except Exception as error:
        raise AnatomyError(
            f"{where}: {source} cannot be loaded ({one_line(error)}); check its path, name, split and "
            "revision, or the network (offline it must be in the hub's cache already: "
            f"hf download --repo-type dataset {source})"
        ) from error


def _snapshot(source: str, revision: str | None) -> str | None:
    """The folder of a data set's snapshot in the hub's cache; None for a local folder or without one."""
    from huggingface_hub import constants, snapshot_download

    if Path(source).exists():
        return None
    try:
        return snapshot_download(
            source,
            repo_type="dataset",
            revision=revision,
            local_files_only=True,
            cache_dir=constants.HF_HUB_CACHE,
        )
    # It is not there, or `source` is no id at all: what comes next says so.
    except Exception:
        return None
