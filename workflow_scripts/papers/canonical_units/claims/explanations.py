"""Canonical units, Section 5, 5.1, Table 1: few meta-latents a latent, and what they are explained by."""

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, Tables
from workflow_scripts.anatomy.claims.counts import mean_over
from workflow_scripts.anatomy.claims.measures import beside, chosen, mean_column, smaller_of
from workflow_scripts.anatomy.claims.rule import between, more_than, positive
from workflow_scripts.papers.canonical_units.claims.over_seeds import given_l0
from workflow_scripts.papers.canonical_units.claims.paper import GPT2, OURS

LATENTS = "latents, as if independent"
CHANCE = 0.2
KINDS = ("meta_latent", "shuffled")
GUESS = 0.5  # balanced accuracy of an explanation that says nothing


def _right(control: str, left_out: str, **where: object) -> Measure:
    """Share of right answers to all questions of a kind."""
    about = {"control": control, "left_out": left_out, **where}

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["mcq_shares"], n_meta_latents="all", **about)
        return mean_column(table, "share", "latents")

    said = ", ".join(f"{column} {value}" for column, value in about.items())
    return Measure(f"share of right answers of {said} (mcq_shares)", measure)


def _active(tables: Tables) -> Measurement:
    """Mean number of meta-latents of the latents asked about, each once."""
    table = chosen(tables["mcq"], control="real")
    given_l0(table, "n_active_set_on")
    return mean_over(table.drop_duplicates("latent")["n_active"], LATENTS)


def _own(tables: Tables) -> Measurement:
    """Mean over meta-latents of the score less that of the same meta-latent on random latents."""
    table = tables["mcq_scores"]
    scores = [chosen(table, kind=kind).set_index("latent")["score"] for kind in KINDS]
    return mean_over((scores[0] - scores[1]).dropna(), LATENTS)


def _score(kind: str, less: float = 0) -> Measure:
    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["mcq_scores"], kind=kind)
        return mean_over(table["score"].dropna() - less, LATENTS)

    above = f" minus {less:g}" if less else ""
    return Measure(f"mean score of kind {kind}{above} (mcq_scores)", measure)


OWN = Measure("mean score of kind meta_latent minus that of its shuffled one (mcq_scores)", _own)


CLAIMS = [
    Claim(
        "latents_are_few_meta_latents",
        "Section 5, Table 1, Fig. 1",
        "A latent is a sparse combination of meta-latents.",
        "3, 4 and 6 in Table 1; 4 on average",
        Measure("mean n_active of control real, each latent once (mcq)", _active),
        between(3, 6),
        note="the limits are the fewest and the most of Table 1; of BatchTopK the mean is what was asked for",
    ),
    Claim(
        "meta_latents_tell_the_latent",
        "Section 5.1",
        "Explanations of its meta-latents tell a latent from four random ones better than chance.",
        "73 %, chance is 20 %",
        beside(_right("real", "options"), _right("real", "nothing"), _right("shuffled", "options")),
        more_than(CHANCE),
        note="here meta-latents are explained without the five latents; in the paper with them, and so by "
        "the right answer, too",
    ),
    Claim(
        "meta_latents_tell_the_latent_by",
        "Section 5.1",
        "A language model chooses the right one of five latents this often.",
        "73 %",
        _right("real", "nothing", backend="endpoint"),
        between(0.70, 0.76),
        GPT2,
        "the paper says nothing of an interval; of 1,000 questions it is 3 % to either side",
    ),
    Claim(
        "another_latents_meta_latents_tell_nothing",
        "Section 5.1",
        "With another latent's meta-latents the answer is no better than a guess.",
        "1 of 5",
        _right("shuffled", "options"),
        between(0.1, 0.3),
        note=f"a check of the questions, which the paper does not have; {OURS}",
    ),
    Claim(
        "meta_latents_are_interpretable",
        "Abstract, Section 5, Section 7",
        "Meta-latents are interpretable: their explanations predict where they fire, and better than those of "
        "as many random latents do.",
        "often interpretable",
        beside(
            smaller_of(_score("meta_latent", GUESS), OWN),
            *(_score(kind) for kind in ("meta_latent", "latent", "shuffled")),
        ),
        positive(),
        note="balanced accuracy of detection, of which 0.5 is chance; the paper gives no number. A "
        "meta-latent fires where the latents of a token add up to most of it, on as many tokens as latents "
        "do on average. Random latents add up to something that can be explained, too, so both have to be "
        "exceeded, and the worse half decides",
    ),
    Claim(
        "meta_latents_are_monosemantic",
        "Section 5",
        "What a meta-latent's latents have in common explains more than what as many random latents have.",
        "monosemantic",
        OWN,
        positive(),
        note="shuffled: latents are dealt anew to the meta-latents, with the same activations",
    ),
]
