"""How an SAE may scale the activations that it reads, in sae_lens's words. Imports nothing slow."""

from workflow_scripts.anatomy.base.errors import AnatomyError

# All activations by one factor, which brings their mean norm to sqrt(d).
SCALED = "expected_average_only_in"
# Every token by a factor of its own.
TOKEN_BY_TOKEN = ("layer_norm", "constant_norm_rescale")
SUPPORTED = ("none", SCALED, *TOKEN_BY_TOKEN)


def check_normalisation(kind: str, where: str) -> None:
    """Raise an AnatomyError where activations that are normalised as `kind` says have no place here.

    where: the SAE, for the message.
    """
    if kind == "covariance_whitening":
        raise AnatomyError(
            f"{where} was trained on whitened activations (covariance_whitening), and this is not folded "
            "into its weights; take what sae_lens saves at the end of training, where it is"
        )
    if kind not in SUPPORTED:
        raise AnatomyError(
            f"{where} normalises activations in a way that is not supported ({kind}); those that are: "
            f"{', '.join(SUPPORTED)}"
        )
