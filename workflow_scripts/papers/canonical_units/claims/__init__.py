"""What "Sparse Autoencoders Do Not Find Canonical Units of Analysis" claims, in the order of its text."""

from workflow_scripts.anatomy.claims.claim import Claim
from workflow_scripts.papers.canonical_units.claims import (
    batchtopk,
    groups,
    insertion,
    latents,
    path,
    saes,
    toy,
)

CLAIMS: list[Claim] = [
    *toy.CLAIMS,
    *insertion.CLAIMS,
    *path.CLAIMS,
    *batchtopk.CLAIMS,
    *latents.CLAIMS,
    *groups.CLAIMS,
    *saes.CLAIMS,
]
