"""Every rule says what it does, where it logs, what it needs, and what code its result depends on."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from workflow_scripts.papers import PAPERS
from workflow_scripts.papers.registry import drawing, exhibits, tabulation

ROOT = Path(__file__).resolve().parents[2]
# The base rule of all tables is read before those that use it.
TABULATE = ROOT / "rules" / "tables.smk"
OTHERS = sorted(set((ROOT / "rules").rglob("*.smk")) - {TABULATE})
FILES = [ROOT / "Snakefile", TABULATE, *OTHERS]
SCRIPTS = sorted(path.name for path in (ROOT / "workflow_scripts").glob("*.py"))
NO_RULES = {"__init__.py"}
STRING = re.compile(r'"([^"]*)"')
PAPER_LINES, MEDIAN_LINES = 250, 15


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
        if not found:
            return self.base[directive] if self.base else ""
        return found[1].strip()

    @property
    def exhibit(self) -> str:
        """<paper>/<exhibit> of a table's rule."""
        return "".join(STRING.findall(self["pathvars"]))

    def paths(self, directive: str) -> list[str]:
        """The paths of a directive, the exhibit filled in."""
        return [path.replace("<exhibit>", self.exhibit) for path in STRING.findall(self[directive])]

    def keywords(self, directive: str) -> dict[str, str]:
        """Name -> expression of a directive's keyword arguments."""
        parts = re.split(r"^(?:        )?(\w+)=", self[directive], flags=re.MULTILINE)
        own = dict(zip(parts[1::2], parts[2::2], strict=True))
        # Of a rule's directives, Snakemake inherits the params one by one, the others as a whole.
        inherits = self.base and directive == "params"
        return (self.base.keywords(directive) if inherits else {}) | own

    def file(self, directive: str) -> Path | None:
        """The file that a directive names, from the folder of the rule or from that of the Snakefile."""
        if self.base and self.base.path == TABULATE:
            return self.base.file(directive)
        found = STRING.search(self[directive])
        if not found:
            return None
        start, path = self.path.parent, found[1]
        if path.startswith("{workflow.basedir}/"):
            start, path = ROOT, path.removeprefix("{workflow.basedir}/")
        return (start / path).resolve()


def rules_of(files):
    """The named rules of files, which begin in the first column and end where the next thing does."""
    rules = {}
    for path in files:
        for chunk in re.split(r"^(?=\S)", path.read_text(), flags=re.MULTILINE):
            if found := re.match(r"(?:rule|checkpoint) (\w+):\n", chunk):
                rules[found[1]] = Rule(path, found[1], chunk[found.end() :])
            elif found := re.match(r"use rule (\w+) as (\w+) with:\n", chunk):
                rules[found[2]] = Rule(path, found[2], chunk[found.end() :], rules[found[1]])
    return list(rules.values())


RULES = rules_of(FILES)
JOBS = [rule for rule in RULES if rule.file("script")]
# Rules that others are made of; their own output is never asked for.
BASES = {
    rule.name for rule in JOBS if any(path.endswith("/none.csv") for path in rule.paths("output"))
}
TABLES = [rule for rule in JOBS if rule.base and rule.name not in BASES]


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
def test_a_job_has_a_log_and_an_environment(rule):
    (log,) = rule.paths("log")
    assert re.match(r"<(run|store)>/logs/.*\.log$", log)
    wildcards = re.findall(r"{(\w+)}", "".join(rule.paths("output")))
    assert set(re.findall(r"{(\w+)}", log)) == set(wildcards)
    assert rule.file("conda") == ROOT / "envs" / "environment.yaml"
    # A job measures itself: what Snakemake would measure of a fork is its client.
    assert not rule["benchmark"]


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
    script = rule.file("script")
    assert script.parent == ROOT / "workflow_scripts"
    assert script.is_file()
    code = rule.keywords("params")["code"]
    assert re.match(
        rf'(?:lambda w(?:, \*\*job)?: )?code_of\(\s*"{re.escape(script.name)}"[,)]', code
    )


def test_jobs_that_use_a_device_ask_for_it():
    for rule in JOBS:
        uses = "device" in rule.keywords("params")
        assert uses == ("gpu" in rule.keywords("resources")), rule.name


def test_only_short_jobs_without_a_gpu_share_an_allocation_of_a_cluster():
    grouped = {"draw_figure", "render_table"} | {
        r.name for r in JOBS if r.base or r.path == TABULATE
    }
    assert {rule.name for rule in JOBS if rule["group"]} == grouped, "tables and figures alone"
    for rule in JOBS:
        if rule["group"]:
            needs = rule.keywords("resources")
            minutes = int(re.search(r"(\d+) \* attempt", needs["runtime"])[1])
            long = minutes > 60 or "gpu" in needs
            assert STRING.findall(rule["group"]) == ["long_tables" if long else "tables"], rule.name


@pytest.mark.parametrize("rule", JOBS, ids=by_name)
def test_a_jobs_numbers_do_not_depend_on_the_cores_it_is_granted(rule):
    """Snakemake scales `threads` down to the cores there are; what computes takes its own parameter."""
    threads, text = rule["threads"], rule.file("script").read_text()
    if threads:
        assert rule.keywords("params")["threads"].strip().rstrip(",") == threads
        assert "snakemake.threads" not in text
    else:
        assert "threads" not in rule.keywords("params")


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - NO_RULES))
def test_a_script_belongs_to_a_rule(name):
    assert any(rule.file("script").name == name for rule in JOBS)


@pytest.mark.parametrize("rule", JOBS, ids=by_name)
def test_a_script_reads_what_its_rule_gives(rule):
    """`snakemake.params.x`, `snakemake.input.x` and `snakemake.output.x` are there in the rule."""
    text = rule.file("script").read_text()
    if re.search(r"^(?:params|\w+, \w+) = snakemake\.params", text, re.MULTILINE):
        text += re.sub(r"(?<![\w.])params\.", "snakemake.params.", text)
    for directive in ("params", "input", "output"):
        wanted = set(re.findall(rf"snakemake\.{directive}\.(\w+)", text)) - {"get", "items"}
        assert wanted <= rule.keywords(directive).keys(), directive


@pytest.mark.parametrize("rule", TABLES, ids=by_name)
def test_a_table_reads_what_its_rule_gives(rule):
    """`input.x` and `params.x` of `tabulate` are there in the rule, and the rule gives nothing else."""
    paper, name = rule.paths("output")[0].removesuffix(".csv").split("/")[-2:]
    known = exhibits(paper)
    about = known[name] if name in known else next(e for e in known.values() if rule_makes(rule, e))
    module = tabulation(paper, about).partition(":")[0]
    text = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
    for directive, own in (("input", set()), ("params", {"code", "tabulated_by"})):
        read = set(re.findall(rf"\b{directive}\.(\w+)", text))
        assert read == set(rule.keywords(directive)) - own, directive


def rule_makes(rule, exhibit):
    """Whether the pattern of a rule's first output takes an exhibit."""
    return any(
        pattern.fullmatch(
            f"<run>/tables/{rule.paths('output')[0].split('/')[-2]}/{exhibit.name}.csv"
        )
        for name, pattern in table_patterns()
        if name == rule.name
    )


@pytest.mark.parametrize("paper", PAPERS)
def test_the_rules_of_a_paper_are_short(paper):
    files = sorted((ROOT / "rules" / "papers").glob(f"{paper}*.smk"))
    assert all(len(path.read_text().splitlines()) < PAPER_LINES for path in files)
    lengths = [rule.text.rstrip().count("\n") + 2 for rule in RULES if rule.path in files]
    assert median(lengths) <= MEDIAN_LINES


EXHIBITS = [(paper, about) for paper in PAPERS for about in exhibits(paper).values()]
every_exhibit = pytest.mark.parametrize(
    ("paper", "about"), EXHIBITS, ids=[f"{paper}-{about.name}" for paper, about in EXHIBITS]
)


@every_exhibit
def test_an_exhibit_has_a_caption_and_something_to_draw_it(paper, about):
    assert about.caption.strip().endswith(".")
    if about.rendered:
        assert about.tables == [about.name], "what is rendered is the table of the same name"
        return
    module, _, name = drawing(paper, about).partition(":")
    path = (ROOT / module.replace(".", "/")).with_suffix(".py")
    assert path.is_file(), f"exhibits.yaml of {paper} names {about.drawn_by}"
    (draw,) = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    given = len(about.tables)
    required = len(draw.args.args) - len(draw.args.defaults)
    assert draw.args.vararg or required <= given <= len(draw.args.args)


@cache
def table_patterns():
    """Rule, and a regular expression of each table that it makes."""
    patterns = []
    for rule in JOBS:
        if rule.name in BASES:
            continue
        constraints = {
            name: STRING.fullmatch(expression.strip().rstrip(","))
            for name, expression in rule.keywords("wildcard_constraints").items()
        }
        for output in rule.paths("output"):
            if not (output.startswith("<run>/tables/") and output.endswith(".csv")):
                continue
            pattern = re.escape(output)
            for wildcard in re.findall(r"{(\w+)}", output):
                allowed = constraints.get(wildcard)
                allowed = allowed[1] if allowed else "[^/]+"
                pattern = pattern.replace(re.escape(f"{{{wildcard}}}"), f"({allowed})")
            patterns.append((rule.name, re.compile(pattern)))
    return patterns


@every_exhibit
def test_one_rule_makes_each_table_of_an_exhibit(paper, about):
    for table in about.tables:
        path = f"<run>/tables/{paper}/{table}.csv"
        makers = [rule for rule, pattern in table_patterns() if pattern.fullmatch(path)]
        assert len(makers) == 1, f"{path} is made by {makers or 'no rule'}"


def test_draws_lie_beside_the_tables_of_the_exhibits_that_say_so():
    """What a rule calls `draws` is that of the table it calls `table`, for exhibits with draws and no others."""
    made = []
    for rule in TABLES:
        outputs = rule.keywords("output")
        if "draws" not in outputs:
            continue
        table, draws = (
            STRING.search(outputs[name])[1].replace("<exhibit>", rule.exhibit)
            for name in ("table", "draws")
        )
        assert draws == table.replace(".csv", ".draws.npz")
        made.append(next(pattern for name, pattern in table_patterns() if name == rule.name))
    for paper, about in EXHIBITS:
        path = f"<run>/tables/{paper}/{about.name}.csv"
        assert about.draws == any(pattern.fullmatch(path) for pattern in made), path


def test_every_table_is_of_an_exhibit():
    tables = {f"<run>/tables/{p}/{name}.csv" for p, about in EXHIBITS for name in about.tables}
    for rule, pattern in table_patterns():
        assert any(pattern.fullmatch(table) for table in tables), (
            f"{rule} makes a table for nothing"
        )
