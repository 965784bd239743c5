"""Configuration files, read strictly: what could be meant in two ways is an error with its line.

YAML readers differ: a key that is given twice is silently the last of the two, `1e-3` is text for some,
`010` is eight for some and ten for others, and a date is no text. Here numbers are those of YAML 1.2, text
is what is no number, and the rest is refused.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError

# Values of a file once its aliases are written out; the largest preset has a few hundred.
MOST_VALUES = 100_000
LARGEST_INTEGER = 2**63 - 1
MERGE, TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"
BLOCKS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
INTEGER = re.compile(r"[-+]?(0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|[0-9](_?[0-9])*)\Z")
FLOAT = re.compile(
    r"[-+]?((([0-9](_?[0-9])*)?\.[0-9]+|[0-9](_?[0-9])*\.?)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))\Z"
    r"|\.(nan|NaN|NAN)\Z"
)
PLAIN = {
    "tag:yaml.org,2002:null": re.compile(r"(~|null|Null|NULL|)\Z"),
    "tag:yaml.org,2002:bool": re.compile(
        r"(yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z"
    ),
    "tag:yaml.org,2002:int": INTEGER,
    "tag:yaml.org,2002:float": FLOAT,
    MERGE: re.compile(r"<<\Z"),
}


class _Strict(yaml.SafeLoader):
    """A loader of plain data whose numbers are those of YAML 1.2."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}


for _tag, _pattern in PLAIN.items():
    _Strict.add_implicit_resolver(_tag, _pattern, None)


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    # Base 0 takes what `INTEGER` lets through: 0x, 0o and 0b; zeros at the head are refused before.
    return int(str(node.value).replace("_", ""), 0)


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(str(node.value).replace("_", ""))


_Strict.add_constructor("tag:yaml.org,2002:int", _integer)
_Strict.add_constructor("tag:yaml.org,2002:float", _float)


def configured(
    paths: Sequence[str | Path], given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configuration of some files, each changing what those before it say, and of single keys.

    given: keys of the command line, which go before all files.

    Raises
    ------
    AnatomyError: see `read_configuration`.
    """
    config: dict[str, Any] = {}
    for path in paths:
        config = _merged(config, read_configuration(path))
    return _merged(config, given or {})


def _merged(config: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with some keys changed: blocks key by key, all else as a whole."""
    merged = dict(config)
    for key, value in changes.items():
        if isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def read_configuration(path: str | Path) -> dict[str, Any]:
    """The content of one file, YAML or (by its name, .json) JSON.

    Raises
    ------
    AnatomyError: the file is not there, is no text, no YAML or holds no keys; a key is given twice; a
        number is not finite, too large, or begins with zeros; aliases that contain themselves or grow
        without bounds. It names the line.
    """
    name, text = str(path), _text(Path(path))
    if name.endswith(".json"):
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise AnatomyError(f"{name}, line {error.lineno}: not JSON ({error.msg})") from None
        except (ValueError, RecursionError):
            pass  # the reader below says what is wrong, and where
        # JSON has no tabs but between its tokens, where YAML does not take them, and writes some
        # characters as pairs.
        text = PAIR.sub(lambda pair: json.loads(f'"{pair[0]}"'), text.replace("\t", " "))
    loader = None
    try:
        loader = _Strict(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise AnatomyError(
                f"{name}: " + ("the file is empty" if node is None else "there are no keys in it")
            )
        _Check(name).node(node, "", ())
        return dict(loader.construct_document(node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(str(error.problem or error.context).split())
        raise AnatomyError(
            f"{name}, line {line}: not YAML ({problem}); check the indentation, and quote text with "
            "special characters"
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise AnatomyError(
            f"{name}, line {line}: a character that is not text (#x{error.character:04x}); remove it"
        ) from None
    except RecursionError:
        raise AnatomyError(f"{name}: nested too deeply to be read") from None
    finally:
        if loader is not None:
            loader.dispose()


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise AnatomyError(f"{path}: the configuration file cannot be read: {why}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AnatomyError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from None


class _Check:
    """What YAML allows and a configuration does not, looked for in the nodes of one file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sizes: dict[int, int] = {}

    def node(self, node: yaml.Node, where: str, above: tuple[int, ...]) -> int:
        """Check a node and what is below it; return the number of its values."""
        if id(node) in above:
            raise self._error(node, f"{where or 'an alias'} contains itself")
        if id(node) in self.sizes:
            return self.sizes[id(node)]
        if not isinstance(node, yaml.ScalarNode) and node.tag not in BLOCKS:
            raise self._error(node, f"{where or 'the file'} has the tag {node.tag}; leave it out")
        above = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            self._keys(node, where)
            parts = list(_values(node, where))
        elif isinstance(node, yaml.SequenceNode):
            parts = [(value, f"{where}[{at}]") for at, value in enumerate(node.value)]
        else:
            self._scalar(node, where)
            parts = []
        size = 1 + sum(self.node(value, inside, above) for value, inside in parts)
        if size > MOST_VALUES:
            raise self._error(node, f"{where or 'the file'} holds more than {MOST_VALUES} values")
        self.sizes[id(node)] = size
        return size

    def _keys(self, node: yaml.MappingNode, where: str) -> None:
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, f"a key of {where or 'the file'} is no word")
            line, known = key.start_mark.line + 1, (key.tag, key.value)
            word = f"{where}.{key.value}" if where else key.value
            if known in lines:
                raise self._error(
                    key, f"{word} is given twice, first in line {lines[known]}; keep one of them"
                )
            lines[known] = line
            self._scalar(key, f"the key {word}")

    def _scalar(self, node: yaml.Node, where: str) -> None:
        text, kind = str(node.value), node.tag.rsplit(":", 1)[-1]
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._error(node, f"{where} has half a surrogate pair, which is not text")
        if node.tag == TEXT:
            return
        if node.tag not in PLAIN or not PLAIN[node.tag].match(text):
            raise self._error(node, f"{where}: a value of {kind} cannot be read from {text[:40]!r}")
        plain = text.lower().replace("_", "")
        digits = plain.lstrip("+-")
        if kind == "int":
            if len(digits) > 1 and digits.isdigit() and digits[0] == "0":
                raise self._error(
                    node, f"{where}: {text[:40]} can be read in two ways; write it without the zero"
                )
            if len(digits) > 70 or abs(int(plain, 0)) > LARGEST_INTEGER:
                raise self._error(node, f"{where}: {text[:40]} is too large a number")
        elif kind == "float" and not math.isfinite(
            float(plain.replace(".inf", "inf").replace(".nan", "nan"))
        ):
            raise self._error(node, f"{where}: {text[:40]} is not a finite number")

    def _error(self, node: yaml.Node, what: str) -> AnatomyError:
        return AnatomyError(f"{self.name}, line {node.start_mark.line + 1}: {what}")


def _values(node: yaml.MappingNode, where: str) -> Iterator[tuple[yaml.Node, str]]:
    """The values of a mapping, each with its path."""
    for key, value in node.value:
        if key.tag == MERGE:
            yield value, where
        else:
            yield value, f"{where}.{key.value}" if where else str(key.value)
