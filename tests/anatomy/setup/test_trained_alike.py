"""SAEs that differ in nothing but what tells them apart were trained alike."""

from dataclasses import replace

from workflow_scripts.anatomy.setup.catalogue import Sae, trained_alike

SETTINGS = {"tokens": 1000, "learning_rate": [0.001, 0.002]}
TRAINED = Sae(
    name="a-w8-k2-s0",
    group="a",
    kind="trained",
    model="m",
    site="blocks.0.hook_resid_post",
    architecture="topk",
    width=8,
    nominal_l0=2,
    seed=0,
    options=(("k", 2), ("training", SETTINGS), ("harvest", "train")),
)


def options(**changed):
    return tuple((dict(TRAINED.options) | changed).items())


def test_what_tells_saes_apart_is_no_difference_in_training():
    larger = replace(TRAINED, group="b", width=16, seed=3, options=options(k=4))
    other = replace(larger, group="c", options=options(training=SETTINGS | {"tokens": 2000}))
    elsewhere = replace(larger, group="d", options=options(harvest="other"))
    again = replace(other, group="e", architecture="batchtopk")
    found = trained_alike([TRAINED, larger, other, elsewhere, again])
    assert found == ["a", "a", "c", "d", "c"]


def test_imported_saes_are_those_of_one_release():
    one, same, another = (
        replace(
            TRAINED, group=group, kind="pretrained", options=(("release", release), ("id", group))
        )
        for group, release in (("a", "r"), ("b", "r"), ("c", "s"))
    )
    local = replace(TRAINED, group="d", kind="local", options=(("path", "here"),))
    assert trained_alike([one, same, another, local, TRAINED]) == ["a", "a", "c", "d", "a"]
