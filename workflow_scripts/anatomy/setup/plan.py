"""What a paper makes of a configuration: which exhibits it can have, and what it needs of the stages."""

from dataclasses import dataclass, field

from workflow_scripts.anatomy.setup.catalogue import Sae


@dataclass
class Plan:
    """What is known of a paper before anything runs; papers add the roles that their SAEs play.

    missing: exhibit -> why this run has no such.
    decomposed: SAEs whose error is wanted as a linear and a nonlinear part.
    substituted: SAEs whose reconstruction is put into the model, to measure its loss.
    components_substituted: SAEs of which the parts of the error are put into the model as well.
    probed: SAEs whose latents are probed, each with the name of a labelled entry of the configuration.
    """

    missing: dict[str, str] = field(default_factory=dict)
    decomposed: list[Sae] = field(default_factory=list)
    substituted: list[Sae] = field(default_factory=list)
    components_substituted: list[Sae] = field(default_factory=list)
    probed: list[tuple[Sae, str]] = field(default_factory=list)
