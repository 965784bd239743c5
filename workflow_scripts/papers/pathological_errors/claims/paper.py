"""What all claims of the post have in common: its model, and our caveats."""

# The name that the post's model has in the presets.
GPT2 = ("gpt2-small",)
OURS = "the post gives no number for this; the threshold is ours"
COMMENT = "a prediction of a comment, not of the post"
# The text that we have lists the interventions and the clusters without their names.
CLUSTERS = (
    "which interventions are in which of the three clusters is our reading: Sae(x) with either norm, random "
    "errors of its size or cosine, and x at the norm of Sae(x)"
)
