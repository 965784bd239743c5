"""The sentence at the head of a card: which FVU its rank is by, and among whom."""

from dataclasses import replace

from tests.anatomy.report.cards.planted import block, plant
from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.comparable import compare
from workflow_scripts.anatomy.report.cards.quantities import Quantity
from workflow_scripts.anatomy.report.cards.sentences import sentences

FVU = Quantity("fvu", 4, "FVU", "What is left.", "p", "needs", better="lower")
EVERY = replace(FVU, key="fvu_all_tokens")
HELD_OUT, ALL = "on held-out documents", "on all tokens"


def lead(folder, own, others):
    """The first sentence on an SAE with (FVU of held-out documents or None, of all tokens) among others."""
    (who,) = plant(folder, [block("it")])

    def of_held_out(held_out, every):
        if held_out is None:
            return Cell(every, note=ALL)
        return Cell(held_out, held_out - 0.001, held_out + 0.001, note=HELD_OUT)

    cells = {"fvu": of_held_out(*own), "fvu_all_tokens": Cell(own[1])}
    beside = {
        "fvu": {at: of_held_out(*other) for at, other in enumerate(others)},
        "fvu_all_tokens": {at: Cell(every) for at, (_, every) in enumerate(others)},
    }
    comparisons = {
        each.key: compare(each, cells[each.key], beside[each.key], []) for each in (FVU, EVERY)
    }
    return sentences(who, [FVU, EVERY], cells, comparisons)[0]


def test_all_of_held_out_documents(tmp_path):
    found = lead(tmp_path, (0.2, 0.21), [(0.3, 0.31), (0.4, 0.41), (0.5, 0.51)])
    assert "1st of 4 comparable SAEs and better than the others' median of 0.400." in found


def test_all_tokens_where_some_have_no_held_out_number(tmp_path):
    """Two others are better, and neither has the number of held-out documents."""
    others = [(0.3, 0.31), (0.4, 0.41), (0.5, 0.51), (None, 0.1), (None, 0.11)]
    found = lead(tmp_path, (0.2, 0.21), others)
    assert (
        "0.200 (0.199 to 0.201) of the activations' variance is not reconstructed; on all" in found
    )
    assert (
        "on all tokens it is 0.210 and 3rd of 6 comparable SAEs, the others' median is 0.310."
        in found
    )
    assert "better" not in found and "1st" not in found


def test_it_has_itself_no_held_out_number(tmp_path):
    found = lead(tmp_path, (None, 0.2), [(0.3, 0.31), (0.4, 0.41), (0.1, 0.11)])
    assert "not reconstructed: 2nd of 4 comparable SAEs, the others' median is 0.310." in found


def test_few_others_have_no_median(tmp_path):
    found = lead(tmp_path, (0.2, 0.21), [(0.1, 0.11)])
    assert found.endswith("2nd of 2 comparable SAEs (the other has 0.100).")
    assert lead(tmp_path, (0.2, 0.21), []).endswith("no other SAE to compare that with.")
