"""What a paper makes of a configuration: which exhibits it can have, and what it needs of the stages."""

from dataclasses import dataclass, field

from workflow_scripts.anatomy.setup.catalogue import Sae

# What of an SAE's effects is measured: all; Sae(x) beside random errors of its size; or these alone, of many sizes.
FULL, BRIEF, SWEEP = "full", "brief", "sweep"


@dataclass(frozen=True)
class Effects:
    """A store of what perturbations of a site do to the model's predictions, token by token.

    subject: ``sae``, ``sweep`` (random errors of many sizes), a component of its error alone, ``pursuit``
    (codes of gradient pursuit) or ``stitched`` (with what it lacks of the SAE in `wider`).
    extent: `FULL`, `BRIEF` or `SWEEP`. contexts: how many held-out ones. first: positions before it stay as
    they are. draws: random errors of each kind for every token. sweep: their sizes. threshold: the cosine below
    which a latent is lacking.
    """

    sae: Sae
    subject: str
    extent: str
    contexts: int
    first: int
    draws: int = 1
    sweep: dict[str, list[float]] = field(default_factory=dict, compare=False)
    threshold: float = 0
    wider: tuple[Sae, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Model, site, SAE and subject, as in its path."""
        return self.sae.model, self.sae.site, self.sae.name, self.subject


@dataclass
class Plan:
    """What is known of a paper before anything runs; papers add the roles that their SAEs play.

    missing: exhibit -> why this run has no such.
    decomposed: SAEs whose error is wanted as a linear and a nonlinear part.
    components_substituted: SAEs of which the parts of the error are put into the model as well.
    effects: what perturbations are measured.
    probed: SAEs whose latents are probed, each with the name of a labelled entry of the configuration.
    """

    missing: dict[str, str] = field(default_factory=dict)
    decomposed: list[Sae] = field(default_factory=list)
    components_substituted: list[Sae] = field(default_factory=list)
    effects: list[Effects] = field(default_factory=list)
    probed: list[tuple[Sae, str]] = field(default_factory=list)
