"""Every rule says what it does, where it logs, what it needs, and what code its result depends on."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from workflow_scripts.anatomy.setup.rows import figure_rows

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "Snakefile", *sorted((ROOT / "rules").rglob("*.smk"))]
SCRIPTS = sorted(path.name for path in (ROOT / "workflow_scripts").glob("*.py"))
NO_RULES = {"__init__.py", "launch.py"}
STRING = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Rule:
    """The text of a rule: its file, its name, the body of each of its directives, and the rule that
    it is but for these."""

    path: Path
    name: str
    text: str
    base: "Rule | None" = None

    def __getitem__(self, directive: str) -> str:
        found = re.search(rf"^    {directive}:(.*(?:\n(?:        .*)?)*)", self.text, re.MULTILINE)
        inherited = self.base[directive] if self.base else ""
        return found[1].strip() if found else inherited

    def keywords(self, directive: str) -> dict[str, str]:
        """Name -> expression of a directive's keyword arguments."""
        parts = re.split(r"^(?:        )?(\w+)=", self[directive], flags=re.MULTILINE)
        own = dict(zip(parts[1::2], parts[2::2], strict=True))
        # Of a rule's directives, Snakemake inherits the params one by one, the others as a whole.
        inherits = self.base and directive == "params"
        return (self.base.keywords(directive) if inherits else {}) | own

    @property
    def script(self) -> str | None:
        found = STRING.search(self["script"])
        return found[1] if found else None


def rules_of(path):
    """The named rules of a file, which begin in the first column and end where the next thing does."""
    chunks = re.split(r"^(?=\S)", path.read_text(), flags=re.MULTILINE)
    rules = {}
    for chunk in chunks:
        if found := re.match(r"(?:rule|checkpoint) (\w+):\n", chunk):
            rules[found[1]] = Rule(path, found[1], chunk[found.end() :])
        elif found := re.match(r"use rule (\w+) as (\w+) with:\n", chunk):
            rules[found[2]] = Rule(path, found[2], chunk[found.end() :], rules[found[1]])
    yield from rules.values()


RULES = [rule for path in FILES for rule in rules_of(path)]
JOBS = [rule for rule in RULES if rule.script]


def by_name(rule):
    return rule.name


def test_all_rules_are_seen():
    text = "\n".join(path.read_text() for path in FILES)
    named = re.findall(r"^ *(?:rule \w+|checkpoint \w+|use rule .*):", text, re.MULTILINE)
    assert len(RULES) == len(named)
    own = [rule for rule in JOBS if not rule.base]
    assert len(own) == len(re.findall(r"^    script:", text, re.MULTILINE))
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert not re.search(r"^ *(?:shell|run|notebook|wrapper):", text, re.MULTILINE)


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_a_rule_says_what_it_does(rule):
    assert re.match(r' {4}"""[A-Z"].{10,}[.?]"""\n', rule.text), (
        "a docstring of one line comes first"
    )


@pytest.mark.parametrize("rule", JOBS, ids=by_name)
def test_a_job_has_a_log_a_benchmark_and_an_environment(rule):
    (log,), (benchmark,) = (STRING.findall(rule[name]) for name in ("log", "benchmark"))
    assert re.match(r"<(run|store)>/logs/.*\.log$", log)
    # What a benchmark is of is what the log is of, and both are of one job.
    assert benchmark == log.replace(">/logs/", ">/benchmarks/").removesuffix(".log") + ".tsv"
    wildcards = re.findall(r"{(\w+)}", "".join(STRING.findall(rule["output"])))
    assert set(re.findall(r"{(\w+)}", log)) == set(wildcards)
    (conda,) = STRING.findall(rule["conda"])
    assert (rule.path.parent / conda).resolve() == ROOT / "envs" / "environment.yaml"


@pytest.mark.parametrize("rule", JOBS, ids=by_name)
def test_a_job_asks_for_more_when_it_is_tried_again(rule):
    resources = rule.keywords("resources")
    for name in ("mem_mb", "runtime"):
        arguments, _, amount = resources[name].partition(":")
        assert arguments.startswith("lambda w")
        assert re.search(r"\battempt\b", arguments)
        assert re.search(r"\battempt\b", amount), f"{name} is the same at every attempt"
        assert re.search(r"attempt\s*\*|\*\s*attempt", amount), f"{name} does not grow"


@pytest.mark.parametrize("rule", JOBS, ids=by_name)
def test_a_jobs_code_is_that_of_its_script(rule):
    script = (rule.path.parent / rule.script).resolve()
    assert script.parent == ROOT / "workflow_scripts"
    assert script.is_file()
    code = rule.keywords("params")["code"]
    assert re.match(rf'(?:lambda w: )?code_of\("{re.escape(script.name)}"[,)]', code)


def test_jobs_that_use_a_device_ask_for_it():
    for rule in JOBS:
        uses = "device" in rule.keywords("params")
        assert uses == ("gpu" in rule.keywords("resources")), rule.name


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - NO_RULES))
def test_a_script_belongs_to_a_rule(name):
    assert any(Path(rule.script).name == name for rule in JOBS)


@pytest.mark.parametrize("rule", JOBS, ids=by_name)
def test_a_script_reads_what_its_rule_gives(rule):
    """`snakemake.params.x`, `snakemake.input.x` and `snakemake.output.x` are there in the rule."""
    text = (rule.path.parent / rule.script).resolve().read_text()
    if re.search(r"^(?:params|\w+, \w+) = snakemake\.params", text, re.MULTILINE):
        text += re.sub(r"(?<![\w.])params\.", "snakemake.params.", text)
    for directive in ("params", "input", "output"):
        wanted = set(re.findall(rf"snakemake\.{directive}\.(\w+)", text)) - {"get"}
        assert wanted <= rule.keywords(directive).keys(), directive


ROWS = [(paper, row, about) for paper, rows in figure_rows().items() for row, about in rows.items()]


@pytest.mark.parametrize(("paper", "row", "about"), ROWS, ids=[f"{p}-{r}" for p, r, _ in ROWS])
def test_a_row_has_a_caption_and_something_to_draw_it(paper, row, about):
    assert about["caption"].strip().endswith(".")
    if about["files"] == [f"tables/{paper}/{row}.md"]:
        assert about["tables"] == [row], "what is rendered is the table of the same name"
        return
    assert about["files"] == [f"figures/{paper}/{row}.{kind}" for kind in ("pdf", "png")]
    path = ROOT / "workflow_scripts" / "papers" / paper / "figures" / f"{about['figure']}.py"
    assert path.is_file(), f"rows.yaml names {about['figure']}"
    (draw,) = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "draw"
    ]
    given = len(about["tables"])
    required = len(draw.args.args) - len(draw.args.defaults)
    assert draw.args.vararg or required <= given <= len(draw.args.args)


@cache
def table_patterns():
    """Rule, and a regular expression of each table that it makes."""
    found = []
    for rule in JOBS:
        constraints = {
            name: STRING.fullmatch(expression.strip().rstrip(","))
            for name, expression in rule.keywords("wildcard_constraints").items()
        }
        for output in STRING.findall(rule["output"]):
            if not (output.startswith("<run>/tables/") and output.endswith(".csv")):
                continue
            pattern = re.escape(output)
            for wildcard in re.findall(r"{(\w+)}", output):
                allowed = constraints.get(wildcard)
                allowed = allowed[1] if allowed else "[^/]+"
                pattern = pattern.replace(re.escape(f"{{{wildcard}}}"), f"({allowed})")
            found.append((rule.name, re.compile(pattern)))
    return found


@pytest.mark.parametrize(("paper", "row", "about"), ROWS, ids=[f"{p}-{r}" for p, r, _ in ROWS])
def test_one_rule_makes_each_table_of_a_row(paper, row, about):
    for table in about["tables"]:
        path = f"<run>/tables/{paper}/{table}.csv"
        makers = [rule for rule, pattern in table_patterns() if pattern.fullmatch(path)]
        assert len(makers) == 1, f"{path} is made by {makers or 'no rule'}"


def test_every_table_is_of_a_row():
    tables = {f"<run>/tables/{p}/{name}.csv" for p, _, about in ROWS for name in about["tables"]}
    for rule, pattern in table_patterns():
        assert any(pattern.fullmatch(table) for table in tables), (
            f"{rule} makes a table for nothing"
        )
