"""What "Decomposing The Dark Matter of Sparse Autoencoders" claims, in the order of its text."""

from workflow_scripts.anatomy.claims.claim import Claim
from workflow_scripts.papers.dark_matter.claims import (
    components,
    error_saes,
    norms,
    reduction,
    scaling,
    synthetic,
    theory,
    tokens,
    vectors,
)

CLAIMS: list[Claim] = [
    *norms.CLAIMS,
    *vectors.CLAIMS,
    *scaling.CLAIMS,
    *tokens.CLAIMS,
    *components.CLAIMS,
    *error_saes.CLAIMS,
    *reduction.CLAIMS,
    *theory.CLAIMS,
    *synthetic.CLAIMS,
]
