"""The pictures of the report: the headline figures as they are, the others small."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.store import replacing

# Pixels of a small picture; shown at half of it, which is sharp on fine screens.
BROAD, HIGH = 520, 400


def copy_picture(source: str | Path, target: str | Path) -> tuple[int, int]:
    """Copy a PNG; width and height in pixels."""
    from PIL import Image

    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
    with Image.open(target) as picture:
        return picture.size


def small_picture(source: str | Path, target: str | Path) -> tuple[int, int]:
    """Write a PNG that is no larger than `BROAD` x `HIGH`, on white; width and height in pixels.

    The same picture gives the same bytes.
    """
    from PIL import Image

    with Image.open(source) as picture:
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    flat.thumbnail((BROAD, HIGH), Image.Resampling.LANCZOS)
    colours = flat.quantize(64, dither=Image.Dither.NONE)
    with replacing(target) as temporary:
        colours.save(temporary, "PNG", optimize=True)
    return flat.size


def pictures_of(
    exhibits: Iterable[Mapping[str, Any]], run: Path, folder: Path
) -> dict[tuple[str, str], tuple[str, tuple[int, int]]]:
    """Copy the pictures of exhibits into a folder of the report.

    exhibits: fields of `setup.exhibits.Exhibit`, and `paper`. run: where its figures are.

    Returns, by paper and exhibit, the path from the report's folder, and the size that it is shown in.
    """
    found = {}
    for about in exhibits:
        if about["rendered"]:
            continue
        paper, name = about["paper"], about["name"]
        source = run / "figures" / paper / f"{name}.png"
        target = folder / paper / f"{name}.png"
        copy = copy_picture if about["headline"] else small_picture
        broad, high = copy(source, target)
        # Half of its pixels: sharp on fine screens.
        size = (max(1, broad // 2), max(1, high // 2))
        found[paper, name] = (f"{folder.name}/{paper}/{name}.png", size)
    return found
