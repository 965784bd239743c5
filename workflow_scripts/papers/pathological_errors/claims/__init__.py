"""What "SAE reconstruction errors are (empirically) pathological" claims, and what its comments predict."""

from workflow_scripts.anatomy.claims.claim import Claim
from workflow_scripts.papers.pathological_errors.claims import comments, correlates, layers, tokens

CLAIMS: list[Claim] = [
    *layers.CLAIMS,
    *tokens.CLAIMS,
    *correlates.CLAIMS,
    *comments.CLAIMS,
]
