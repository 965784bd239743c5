"""Configurations with one mistake each: python -m tests.campaign.mutated_configurations [number] [seed]

Every mistake has to end in one line that names its key, before anything runs; a traceback or a mistake that
passes is a failure. The mistakes are drawn at random, of every kind and at any place of a configuration.
"""

import copy
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup.catalogue import catalogue
from workflow_scripts.anatomy.setup.model_keys import check_model_keys
from workflow_scripts.anatomy.setup.reading import configured
from workflow_scripts.papers import registry

BASE = Path(__file__).resolve().parents[1] / "papers" / "example.yaml"
# Settings of a language model are those of another library: their names are known, their values are not.
FREE = "config"


def judged(path: Path) -> str:
    """What becomes of a configuration: "" if it passes, or its one line.

    Raises whatever is no AnatomyError.
    """
    try:
        config = registry.check(configured([path]))
        check_model_keys(config)
        registry.plans(config, catalogue(config))
    except AnatomyError as error:
        return str(error)
    return ""


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """The path of every key and item, at any depth."""
    parts = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        parts = enumerate(value)
    for key, inner in parts:
        yield (*path, key)
        yield from places(inner, (*path, key))


def at(config: Any, path: tuple) -> Any:
    """What stands at a path."""
    for key in path:
        config = config[key]
    return config


def mistaken(config: dict, rng: random.Random) -> tuple[str, str, str] | None:
    """A kind of mistake, the key that must be named, and the text with it; None if it cannot be made there."""
    config = copy.deepcopy(config)
    path = rng.choice(list(places(config)))
    above, key = at(config, path[:-1]), path[-1]
    value, word = above[key], next(str(k) for k in reversed(path) if isinstance(k, str))
    kind = rng.choice(list(KINDS))
    if FREE in path and kind != "a misspelt key":
        return None
    changed = KINDS[kind](above, key, value, rng)
    if changed is None:
        return None
    text = yaml.dump(config, Dumper=_Whole, sort_keys=False)
    return kind, changed or word, text


def _misspelt(above, key, value, rng):
    if not isinstance(key, str) or key == FREE:
        return None
    above[key + "zq"] = above.pop(key)
    return key


def _of_another_type(above, key, value, rng):
    # A block may be left out, and a name may be any text.
    wrong = {"a": 1} if not isinstance(value, dict) else [[1]]
    above[key] = wrong
    return ""


def _not_finite(above, key, value, rng):
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    above[key] = rng.choice([float("nan"), float("inf"), float("-inf")])
    return ""


def _negative(above, key, value, rng):
    if isinstance(value, bool) or not isinstance(value, int | float) or key == "threshold":
        return None
    above[key] = -7 - abs(value)
    return ""


def _not_whole(above, key, value, rng):
    if isinstance(value, bool) or not isinstance(value, int) or key in ("k", "target_l0"):
        return None
    above[key] = float(value)
    # Some take any number: a whole one written with a point is one.
    return ""


def _with_a_newline(above, key, value, rng):
    if not isinstance(value, str):
        return None
    above[key] = value + "\n"
    return ""


def _of_300_letters(above, key, value, rng):
    if not isinstance(value, str) or key in ("rivals", "release"):
        return None
    above[key] = "x" * 300
    return ""


def _like_a_pattern(above, key, value, rng):
    if not isinstance(value, str) or key == "rivals":
        return None
    above[key] = rng.choice([".*", "a|b", "(", "../x", "a b", value + "+"])
    return ""


KINDS = {
    "a misspelt key": _misspelt,
    "a value of another type": _of_another_type,
    "a number that is not finite": _not_finite,
    "a negative number": _negative,
    "a whole number with a point": _not_whole,
    "text that ends in a newline": _with_a_newline,
    "text of 300 letters": _of_300_letters,
    "text like a pattern": _like_a_pattern,
}
# Values in which a mistake of these kinds is none.
ANY_NUMBER = ("learning_rate", "k", "target_l0", "validation_fraction")


def is_none(kind: str, word: str) -> bool:
    """Whether what was changed is right all the same."""
    if kind.startswith("text"):
        return word in ("groups", "rivals")
    return kind == "a whole number with a point" and word in ANY_NUMBER


def duplicated(text: str, rng: random.Random) -> tuple[str, str, str]:
    """A key given twice."""
    rows = text.splitlines()
    blocks = [n for n, row in enumerate(rows) if row.rstrip().endswith(tuple("0123456789"))]
    # What begins with a dash is an item, which may be there twice.
    keys = [n for n in blocks if ": " in rows[n] and not rows[n].lstrip().startswith("- ")]
    chosen = rng.choice(keys)
    rows.insert(chosen, rows[chosen])
    return "a key given twice", rows[chosen].strip().split(":")[0], "\n".join(rows)


def cut(text: str, rng: random.Random) -> tuple[str, str, str]:
    """A syntax error in a line."""
    rows = text.splitlines()
    chosen = rng.randrange(len(rows))
    rows.insert(chosen, rng.choice(["\t{", "]", "%: x", "@a: 1"]))
    return "a syntax error", f"line {chosen + 1}", "\n".join(rows)


class _Whole(yaml.SafeDumper):
    """Writes everything out: an anchor is given once."""

    def ignore_aliases(self, data):
        return True


def campaign(number: int, seed: int, folder: Path) -> tuple[Counter, list[str]]:
    """Try some mistakes: how many of each kind were named, and a line for each that was not."""
    rng, plain = random.Random(seed), yaml.safe_load(BASE.read_text())
    text = yaml.dump(plain, Dumper=_Whole, sort_keys=False)
    named: Counter = Counter()
    failures: list[str] = []
    file = folder / "mutated.yaml"
    while sum(named.values()) + len(failures) < number:
        draw = rng.random()
        made = duplicated(text, rng) if draw < 0.08 else cut(text, rng) if draw < 0.16 else None
        made = made or mistaken(plain, rng)
        if made is None or is_none(*made[:2]):
            continue
        kind, word, content = made
        file.write_text(content)
        try:
            line = judged(file)
        except Exception:
            failures.append(f"{kind} ({word}): {traceback.format_exc()[-400:]}")
            continue
        if not line:
            failures.append(f"{kind} ({word}): passed")
        elif "\n" in line or (word not in line and not word.startswith("line ")):
            failures.append(f"{kind} ({word}): not named in {line}")
        elif word.startswith("line ") and not ("line " in line or line.startswith("config: ")):
            # A character too many may be a part of a value, which is then wrong under its key.
            failures.append(f"{kind} ({word}): no line in {line}")
        else:
            named[kind] += 1
    return named, failures


def main(arguments: list[str]) -> int:
    number, seed = (int(each) for each in (*arguments, "300", "0")[:2])
    with tempfile.TemporaryDirectory() as folder:
        named, failures = campaign(number, seed, Path(folder))
    for kind, count in sorted(named.items()):
        print(f"{count:5d} named   {kind}")
    for failure in failures:
        print(f"      FAILED  {failure}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
