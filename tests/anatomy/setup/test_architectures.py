"""One table of architectures: what the schema, the trainers and the figures know of them."""

import pandas as pd
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.anatomy.setup.architectures import ARCHITECTURES, KNOWN
from workflow_scripts.anatomy.setup.configuration import load_schema


def test_the_schema_takes_the_architectures_of_the_table():
    trained = load_schema()["$defs"]["saes_trained"]["properties"]
    assert trained["architecture"]["enum"] == list(ARCHITECTURES)


def test_sae_lens_trains_every_architecture_and_saves_it_as_it_says():
    from sae_lens.registry import get_sae_class, get_sae_training_class

    from workflow_scripts.anatomy.saes.importing import SUPPORTED

    for name, about in ARCHITECTURES.items():
        _, config = get_sae_training_class(name)
        if about.penalty:
            assert f"{about.penalty}_coefficient" in config.__dataclass_fields__
        else:
            assert "k" in config.__dataclass_fields__
        get_sae_class(about.saved_as)
        assert about.saved_as in SUPPORTED


def test_labels_and_colours_are_told_apart():
    abouts = list(KNOWN.values())
    assert len({about.label for about in abouts}) == len(abouts)
    assert len({about.colour for about in abouts}) == len(abouts)
    assert {about.colour for about in abouts} <= set(PALETTE)


def test_rows_come_by_architecture_and_none_is_dropped():
    table = pd.DataFrame({"architecture": ["topk", "batchtopk", "topk"], "fvu": [1, 2, 3]})
    groups = [(about.label, rows["fvu"].tolist()) for about, rows in by_architecture(table)]
    assert groups == [("BatchTopK", [2]), ("TopK", [1, 3])]
    table.loc[0, "architecture"] = "gated"
    assert [about.label for about, _ in by_architecture(table)] == ["BatchTopK", "TopK", "Gated"]
    table.loc[0, "architecture"] = "temporal"
    with pytest.raises(AnatomyError, match="temporal is none of batchtopk, topk"):
        by_architecture(table)
