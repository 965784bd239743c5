"""What all claims of the canonical-units paper share: its models, its printed numbers, our caveat."""

GPT2: tuple[str, ...] = ("gpt2-small",)
GEMMA: tuple[str, ...] = ("gemma-2-2b",)

# Table 2: model -> dictionary size -> what is printed for it.
PRINTED = ("l0", "mse", "celr_zero", "celr_mean")
TABLE_2: dict[tuple[str, ...], dict[int, tuple[float, ...]]] = {
    GPT2: {
        768: (35.2, 2.72, 0.915, 0.876),
        1536: (39.5, 2.22, 0.942, 0.915),
        3072: (42.4, 1.89, 0.955, 0.937),
        6144: (43.8, 1.63, 0.965, 0.949),
        12288: (43.9, 1.46, 0.971, 0.958),
        24576: (42.9, 1.33, 0.975, 0.963),
        49152: (42.4, 1.21, 0.978, 0.967),
        98304: (43.9, 1.14, 0.980, 0.970),
    },
    GEMMA: {
        16384: (43.4, 1.72, 0.983, 0.980),
        32768: (41.5, 1.59, 0.985, 0.982),
    },
}

# The paper says layer 8 and 12 of the residual stream, not whether before or after the block.
SITES = {GPT2: "blocks.8.hook_resid", GEMMA: "blocks.12.hook_resid"}

# Appendix A.4: MSE of the smaller and of the larger SAE where one novel latent is inactive and active.
NOVEL_LATENT = {"small": (2.703, 3.292), "large": (2.225, 2.518)}
NOVEL_LATENTS, LARGER_WIDTH = 657, 1536

OURS = "the paper gives no number for this; the threshold is ours"
