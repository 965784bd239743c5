"""The configuration: defaults, and one clear line for every way to get it wrong."""

import copy
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.setup import configuration
from workflow_scripts.anatomy.setup.catalogue import (
    at_sites,
    catalogue,
    nearest_l0,
    nearest_per_layer,
)
from workflow_scripts.anatomy.setup.local_files import check_local_files
from workflow_scripts.papers import PAPERS
from workflow_scripts.papers.configuration_page import PAGE, page
from workflow_scripts.papers.registry import check, exhibits, load_schema, plans

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = yaml.safe_load((ROOT / "tests/papers/example.yaml").read_text())


@pytest.fixture
def config():
    return copy.deepcopy(DEFAULT)


def put(config, path, value):
    *parents, last = path.split(".")
    for key in parents:
        config = config[int(key) if key.isdigit() else key]
    if value is None:
        del config[last]
    else:
        config[last] = value


def test_default_is_valid_and_completed(config):
    checked = check(config)
    assert checked["analysis"]["split"] == "document"
    assert checked["analysis"]["dask"]["scheduler"] == "threads"
    assert checked["analysis"]["dask"]["slurm"]["memory"] == "8GB"
    assert checked["harvests"]["train"]["batch_size"] == 8
    assert checked["harvests"]["heldout"]["max_document_share"] == 0.05
    assert checked["datasets"]["python-stdlib"]["passages"] == "auto"
    assert config == DEFAULT, "checking changed what the user wrote"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sead", 3, r"unknown key sead; did you mean seed\?"),
        (
            "models.stdlib-gpt2.vocabulary_sise",
            3,
            r"vocabulary_sise; did you mean vocabulary_size\?",
        ),
        ("harvests.train.contexs", 3, r"harvests\.train\.contexs; did you mean contexts\?"),
        ("saes.batchtopk.training.learning_rat", 3, r"did you mean learning_rate\?"),
        ("analysis.split", "tokens", r"analysis\.split: 'tokens' is not one of"),
        ("models.stdlib-gpt2.kind", "hub", r"kind is 'hub'; choose one of train, hf"),
        ("models.stdlib-gpt2.dataset", "pile", r"names 'pile', not in datasets"),
        ("harvests.train.model", "stdlib-gpt", r"did you mean stdlib-gpt2\?"),
        ("harvests.train.contexts", None, r"harvests\.train\.contexts is missing"),
        ("harvests.train.contexts", "many", r"'many' is not of type 'integer'"),
        ("harvests.train.hook_points", ["blocks.9.hook_resid_post"], r"has layers 0 to 3"),
        ("harvests.train.hook_points", ["blocks.1.resid"], r"does not match"),
        ("harvests.heldout.min_position", 256, r"leaves no token and its successor"),
        ("harvests.heldout.context_length", 512, r"more than the 256"),
        ("saes.batchtopk.sites", ["blocks.1.hook_mlp_out"], r"hook_points lacks; add it there"),
        ("saes.batchtopk.k", [1000], r"more than the width 128"),
        ("saes.topk.k", [1.5], r"whole numbers"),
        ("saes.topk.coefficients", [3.0], r"topk, which takes k; it has k and coefficients"),
        ("saes.jumprelu.coefficients", [3.0], r"takes k or coefficients; it has k and coeff"),
        ("saes.batchtopk.widths", [], r"saes\.batchtopk\.widths"),
        ("dark_matter.saes", ["nothing"], r"names 'nothing', not in saes"),
        ("datasets.python-stdlib.passages", "always", r"passages: 'always' does not match"),
        ("datasets.python-stdlib.passages", 10, r"passages: 10 is less than the minimum of 1000"),
        ("harvests.train.max_document_share", 0, r"max_document_share: 0 is less than or equal"),
        ("run", "a/b", r"run: 'a/b' does not match"),
        ("models", {}, r"models is empty"),
    ],
)
def test_errors_name_the_key(config, path, value, message):
    put(config, path, value)
    with pytest.raises(AnatomyError, match=message) as error:
        check(config)
    assert "\n" not in str(error.value)


def test_every_key_has_a_description():
    schema = load_schema()

    def walk(node, where):
        for key, inner in node.get("properties", {}).items():
            target = schema["$defs"][inner["$ref"].split("/")[-1]] if "$ref" in inner else inner
            assert inner.get("description") or target.get("description"), f"{where}.{key}"
            walk(target, f"{where}.{key}")
        if node.get("type") == "object" and "properties" in node and "oneOf" not in node:
            assert node.get("additionalProperties") is False or "kind" in node["properties"], where

    walk(schema, "config")
    for name, node in schema["$defs"].items():
        walk(node, name)


def test_catalogue_is_the_product_of_a_group(config):
    saes = catalogue(check(config))
    group = [sae for sae in saes if sae.group == "batchtopk"]
    assert len(group) == 15
    assert group[0].name == "batchtopk-w128-k6-s0"
    assert group[0].block()["k"] == 6
    steered = [sae for sae in saes if sae.group == "jumprelu"]
    assert [sae.nominal_l0 for sae in steered] == config["saes"]["jumprelu"]["k"]
    del config["saes"]["jumprelu"]["k"]
    config["saes"]["jumprelu"]["coefficients"] = [2.0]
    (fixed,) = [sae for sae in catalogue(check(config)) if sae.group == "jumprelu"]
    assert fixed.nominal_l0 is None and fixed.block()["coefficient"] == 2.0
    assert fixed.name == "jumprelu-w256-c2-s0"


def test_seeds_and_sites_make_names_unique(config):
    config["saes"]["batchtopk"]["seeds"] = [0, 1]
    saes = catalogue(check(config))
    assert len({(sae.model, sae.site, sae.name) for sae in saes}) == len(saes)
    config["saes"]["batchtopk"]["seeds"] = [0, 0]
    with pytest.raises(AnatomyError, match="twice"):
        catalogue(check(config))


def test_nearest_l0_takes_one_sae_a_width(config):
    saes = catalogue(check(config))
    main = at_sites(saes, [{"model": "stdlib-gpt2", "site": "blocks.2.hook_resid_post"}])
    chosen = nearest_l0([sae for sae in main if sae.group == "batchtopk"], 11)
    assert [(sae.width, sae.nominal_l0) for sae in chosen] == [
        (width, 12) for width in (128, 256, 512, 1024, 2048)
    ]


def test_nearest_per_layer_takes_one_sae_a_layer_of_one_width(config):
    chosen = nearest_per_layer(catalogue(check(config)), 12)
    assert [sae.site for sae in chosen] == [f"blocks.{layer}.hook_resid_post" for layer in range(4)]
    assert {sae.width for sae in chosen} == {256}


def test_a_local_sae_and_a_local_model(config, tmp_path):
    config["saes"]["mine"] = {
        "kind": "local",
        "model": "stdlib-gpt2",
        "site": "blocks.2.hook_resid_post",
        "path": str(tmp_path / "sae"),
    }
    with pytest.raises(AnatomyError, match=r"saes\.mine\.path .* no such folder"):
        check_local_files(check(config))
    (tmp_path / "sae").mkdir()
    with pytest.raises(AnatomyError, match=r"has no cfg\.json"):
        check_local_files(check(config))
    (tmp_path / "sae" / "cfg.json").write_text('{"d_sae": 77}')
    check_local_files(check(config))
    assert [sae.width for sae in catalogue(check(config)) if sae.name == "mine"] == [77]
    config["models"]["other"] = {"kind": "hf", "path": "./absent"}
    with pytest.raises(AnatomyError, match=r"models\.other\.path is \./absent"):
        check_local_files(check(config))
    config["models"]["other"]["path"] = "organisation/model"
    check_local_files(check(config))


def test_the_page_is_that_of_the_schema():
    assert PAGE.read_text() == page(), "run python -m workflow_scripts.papers.configuration_page"


BLOCKS = [
    paper
    for paper in PAPERS
    if (ROOT / "workflow_scripts/papers" / paper / "schema.yaml").is_file()
]


@pytest.mark.parametrize(
    "given", [given for n in range(len(BLOCKS) + 1) for given in combinations(BLOCKS, n)]
)
def test_any_subset_of_the_papers_is_a_run(config, given):
    for paper in set(BLOCKS) - set(given):
        del config[paper]
    checked = check(config)
    planned = plans(checked, catalogue(checked))
    assert list(planned) == [paper for paper in PAPERS if paper in given or paper not in BLOCKS]
    assert all(checked[paper] is None for paper in BLOCKS if paper not in given)
    for paper, plan in planned.items():
        assert set(plan.missing) <= set(exhibits(paper)), "what is missing is an exhibit"


def test_two_blocks_cannot_define_one_name_twice(tmp_path):
    schema = tmp_path / "schema.yaml"
    schema.write_text("type: object\n$defs: {site: {type: string}}\n")
    with pytest.raises(AnatomyError, match=r"schema\.yaml: \$defs\.site is taken"):
        configuration.load_schema({"paper": schema})
