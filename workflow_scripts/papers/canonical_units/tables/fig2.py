"""Figure 2: SAEs with a latent per atom and with a latent per composition, on coloured shapes."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.papers.canonical_units.toy.colours_and_shapes import compose


def tabulate(input: Named, params: Named) -> Tables:
    """input: nothing. params: toy, the options of `compose`."""
    table, latents = compose(**params.toy)
    return {"table": table, "latents": latents}
