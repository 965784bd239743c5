"""What the abstract of "Sparse Autoencoders Find Highly Interpretable Features in Language Models" claims."""

from workflow_scripts.anatomy.claims.claim import Claim
from workflow_scripts.papers.interpretable_features.claims import erasure, interpretability

CLAIMS: list[Claim] = [*interpretability.CLAIMS, *erasure.CLAIMS]
