"""What a run can show of itself. It has no block in the configuration."""

from typing import Any

from workflow_scripts.anatomy.setup.catalogue import Sae
from workflow_scripts.anatomy.setup.plan import Plan


def plan(config: dict[str, Any], saes: list[Sae]) -> Plan:
    """Curves are those of what is trained in the run; the rest there is of any."""
    plan = Plan()
    if all(model["kind"] != "train" for model in config["models"].values()):
        plan.missing["loss_curves"] = "no language model is trained in this run"
    if all(sae.kind != "trained" for sae in saes):
        plan.missing["training_curves"] = "no SAE is trained in this run"
    return plan
