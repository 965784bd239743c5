"""What the rule that trains a meta-SAE does: from the files of SAEs to a trained meta-SAE."""

from pathlib import Path

from workflow_scripts.anatomy.base.tables import Named
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.saes.learning_rate import Trained
from workflow_scripts.papers.canonical_units.meta.directions import (
    decoder_directions,
    fewest_firing,
)
from workflow_scripts.papers.canonical_units.meta.rows import rows_of
from workflow_scripts.papers.canonical_units.meta.training import kept_decoder, train_meta_sae


def train(input: Named, params: Named, folder: Path) -> Trained:
    """Train the meta-SAE of a block.

    Parameters
    ----------
    input: sae and codes of the SAE taken apart; counted, codes of the SAEs of which the one with the fewest
        firing latents says how many rows are drawn; main, the meta-SAE whose directions are kept or
        replaced; nearest, the SAE and the codes that latents come from in their place. Each of the three may be empty.
    params: meta, a `MetaSae.block`; device.
    folder: where sae_lens's files go.
    """
    meta = params.meta
    taken_apart = open_sae(input.sae, input.codes)
    most = fewest_firing(input.counted) if input.counted else None
    _, rows = rows_of(meta, taken_apart.dictionary, taken_apart.fires, most)
    decoder = None
    if input.main:
        others = None
        if input.nearest:
            other = open_sae(*input.nearest)
            others = decoder_directions(other.dictionary, other.fires)[1]
        decoder = kept_decoder(meta, load_dictionary(input.main[0]), rows, others)
    return train_meta_sae(meta, rows, folder, decoder, params.device)
