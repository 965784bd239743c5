"""The library: a room for each stage of the data's way. It knows no paper."""

# A room imports itself and rooms that stand before it, no others.
ROOMS = (
    "base",
    "setup",
    "text",
    "models",
    "statistics",
    "activations",
    "saes",
    "codes",
    "decomposition",
    "interventions",
    "probing",
    "interpretability",
    "claims",
    "figures",
    "launch",
)
