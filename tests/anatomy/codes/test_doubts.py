"""An SAE that rebuilds worse than the mean, or is far from its L0, is doubted; others are not."""

import pytest

from workflow_scripts.anatomy.codes.doubts import doubts


@pytest.mark.parametrize(
    ("l0", "fvu", "nominal", "said"),
    [
        (10.0, 0.2, 10, []),
        (10.0, 0.2, None, []),
        (12.4, 0.2, 10, []),
        (7.6, None, 10, []),
        (12.6, 0.2, 10, ["L0 12.6 is far above the 10"]),
        (7.0, 0.2, 10, ["L0 7 is far below the 10"]),
        (10.0, 1.5, 10, ["FVU 1.5 is above 1"]),
        (30.0, 2.0, 10, ["FVU 2 is above 1", "far above"]),
        (0.0, 1.0, 10, ["no latent is active", "L0 0 is far below"]),
    ],
)
def test_doubts(l0, fvu, nominal, said):
    found = doubts({"l0": l0, "fvu": fvu}, nominal)
    assert len(found) == len(said)
    assert all(words in line for words, line in zip(said, found, strict=True))
