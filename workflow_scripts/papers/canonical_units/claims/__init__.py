"""What "Sparse Autoencoders Do Not Find Canonical Units of Analysis" claims, in the order of its text."""

from workflow_scripts.anatomy.claims.claim import Claim
from workflow_scripts.papers.canonical_units.claims import (
    active_latents,
    batchtopk,
    dashboards,
    explanations,
    groups,
    insertion,
    latents,
    meta,
    path,
    probing,
    replaced,
    saes,
    swaps,
    toy,
)

CLAIMS: list[Claim] = [
    *toy.CLAIMS,
    *insertion.CLAIMS,
    *path.CLAIMS,
    *swaps.CLAIMS,
    *batchtopk.CLAIMS,
    *active_latents.CLAIMS,
    *latents.CLAIMS,
    *dashboards.CLAIMS,
    *explanations.CLAIMS,
    *groups.CLAIMS,
    *meta.CLAIMS,
    *replaced.CLAIMS,
    *saes.CLAIMS,
    *probing.CLAIMS,
]
