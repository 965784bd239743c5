"""What is measured of a labelled entry: dense probes once, sparse probes and perturbation of each SAE."""

from typing import Any

import numpy as np

from workflow_scripts.anatomy.probing.accuracies import Results
from workflow_scripts.anatomy.probing.examples import Examples, judged_groups
from workflow_scripts.anatomy.probing.perturbation import Decoder, perturb
from workflow_scripts.anatomy.probing.pooling import Pooled
from workflow_scripts.anatomy.probing.probes import Probe, fit_probe
from workflow_scripts.anatomy.probing.sparse_probes import correct_by_group, counted, sparse_probe
from workflow_scripts.anatomy.saes.dictionary import Dictionary

Arrays = dict[str, np.ndarray]


def dense_results(pooled: Pooled, name: str) -> tuple[dict[str, Any], Arrays]:
    """Probes on activations: what they are about, and arrays.

    Returns
    -------
    {"labelled", "who", "problems"}; and, of G groups of test documents and P problems with two classes each,
    ``count``, ``correct`` (G, P, 2), ``weights`` (P, d), ``intercepts``, ``strengths``, ``majority``, ``n_train``,
    ``n_test``, ``test_documents`` (P,).
    majority is the accuracy, on the test examples, of naming the more frequent training class.
    """
    examples, x = pooled.examples, pooled.activations
    documents, train = examples.documents, examples.train
    groups, n_groups = judged_groups(documents, train)
    columns: dict[str, list[Any]] = {}
    for problem in examples.problems:
        side = train[problem.rows]
        rows, positive = problem.rows[side], problem.positive[side]
        probe = fit_probe(x[rows], positive, documents[rows])
        tested, truth = problem.rows[~side], problem.positive[~side]
        judged = (truth, groups[tested], n_groups)
        found = {
            "count": counted(*judged),
            "correct": correct_by_group(probe.scores(x[tested]), *judged),
            "weights": probe.weights,
            "intercepts": probe.intercept,
            "strengths": probe.strength,
            "majority": float((truth == (positive.mean() >= 0.5)).mean()),
            "n_train": len(rows),
            "n_test": len(tested),
            "test_documents": len(np.unique(documents[tested])),
        }
        for key, value in found.items():
            columns.setdefault(key, []).append(value)
    arrays = {
        key: np.stack(values, 1) if key in ("count", "correct") else np.array(values)
        for key, values in columns.items()
    }
    return _about(examples, name), arrays


def _about(examples: Examples, name: str) -> dict[str, Any]:
    problems = [(each.dataset, each.label, each.family) for each in examples.problems]
    return {"labelled": name, "who": {}, "problems": problems}


def sparse_results(
    pooled: Pooled, dense: Results, dictionary: Dictionary, probing: dict[str, Any]
) -> tuple[dict[str, Any], Arrays]:
    """Probes on an SAE's latents, and the perturbation of the dense probes.

    probing: the configuration's block: k_latents, selection, ablated, ablation.

    Returns
    -------
    What they are about, with the families perturbed and the numbers in use; and arrays: ``correct<k>``
    (G, P, 2), ``latents<k>`` (P, k), and what `perturbation.Perturbed` holds of family f, ``count/f``.
    """
    examples, codes = pooled.examples, pooled.codes(dictionary.name)
    documents, train = examples.documents, examples.train
    groups, n_groups = judged_groups(documents, train)
    arrays: Arrays = {"count": dense.arrays["count"]}
    for k in probing["k_latents"]:
        right, chosen = [], []
        for problem in examples.problems:
            latents, probe = sparse_probe(codes, problem, documents, train, k, probing["selection"])
            side = ~train[problem.rows]
            rows, positive = problem.rows[side], problem.positive[side]
            scores = probe.scores(codes[rows][:, latents].toarray())
            right.append(correct_by_group(scores, positive, groups[rows], n_groups))
            chosen.append(latents)
        arrays |= {f"correct{k}": np.stack(right, 1), f"latents{k}": np.stack(chosen)}
    families = _families(examples)
    if probing["ablation"] == "reconstruction":
        dictionary.require_one_bias("probing.ablation reconstruction of pooled texts")
    x, decoder = pooled.activations, decoder_of(dictionary)
    probes = [
        Probe(*each)
        for each in zip(
            *(dense.arrays[key] for key in ("weights", "intercepts", "strengths")), strict=True
        )
    ]
    numbers = sorted(n for n in probing["ablated"] if n <= dictionary.width)
    for family, members in families.items():
        problems = [examples.problems[at] for at in members]
        own = [probes[at] for at in members]
        found = perturb(
            x, codes, decoder, problems, own, documents, train, numbers, probing["ablation"]
        )
        arrays |= {f"{part}/{family}": value for part, value in vars(found).items()}
    about = _about(examples, dense.about["labelled"]) | {"families": list(families)}
    return about | {"ablated": numbers, "ablation": probing["ablation"]}, arrays


def _families(examples: Examples) -> dict[str, list[int]]:
    """Places of the problems of each family of two classes or more."""
    found: dict[str, list[int]] = {}
    for at, problem in enumerate(examples.problems):
        found.setdefault(problem.family, []).append(at)
    return {family: members for family, members in found.items() if len(members) > 1}


def decoder_of(dictionary: Dictionary) -> Decoder:
    """The decoder of an SAE in float64."""
    directions, bias = (
        each.double().cpu().numpy() for each in (dictionary.W_dec, dictionary.b_dec)
    )
    scale = dictionary.input_scale
    return Decoder(directions, bias / scale, scale, dictionary.center)
