"""What a run will cost: sizes, work, rates fitted to records, and the schedule."""

import json

import numpy as np
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.launch.forecast import calibration, costs, shown
from workflow_scripts.anatomy.launch.forecast.__main__ import cores_of, line
from workflow_scripts.anatomy.launch.forecast.calibration import OTHERS, Rate
from workflow_scripts.anatomy.launch.forecast.laptop import FLOPS, Work
from workflow_scripts.anatomy.launch.forecast.models import model_size, sizes
from workflow_scripts.anatomy.launch.forecast.planned import Job

MODEL = {
    "kind": "train",
    "config": {"n_embd": 32, "n_layer": 3, "n_head": 2},
    "vocabulary_size": 500,
    "context_length": 64,
    "training": {"tokens": 1_000_000, "batch_size": 8},
}


def job(rule, number=0, after=(), threads=1, params=None, needed=True, **more):
    fields = {"wildcards": {}, "input": [], "output": [f"{rule}{number}"], "log": "", "gpu": 0}
    return Job(
        rule=rule,
        params=params or {},
        threads=threads,
        needed=needed,
        after=list(after),
        **fields | more,
    )


def cost(seconds, threads=1, gpu=0, own_mb=10.0):
    return costs.Cost("any", seconds, threads, gpu, 1e3, own_mb)


def trained(width, tokens, rate=0.01, architecture="topk"):
    training = {"tokens": tokens, "learning_rate": rate}
    place = {"model": "m", "site": "blocks.0.hook_resid_post"}
    sae = place | {"architecture": architecture, "width": width, "k": 4, "training": training}
    return job("train_sae", params={"sae": sae}, wildcards=place | {"sae": f"w{width}"})


def the_model():
    return job("train_language_model", params={"model": MODEL}, wildcards={"model": "m"}, threads=2)


def test_parameters_are_those_of_the_model():
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(
        GPT2Config(n_embd=32, n_layer=3, n_head=2, vocab_size=500, n_positions=64)
    )
    assert model_size(MODEL).parameters == pytest.approx(model.num_parameters(), rel=0.08)


def test_a_gated_model_has_three_matrices_a_layer(tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    settings |= {"intermediate_size": 80, "vocab_size": 300, "tie_word_embeddings": True}
    model = LlamaForCausalLM(LlamaConfig(**settings))
    (tmp_path / "config.json").write_text(json.dumps(settings))
    size = model_size({"kind": "hf", "path": str(tmp_path)})
    assert size.parameters == pytest.approx(model.num_parameters(), rel=0.01)
    assert not size.guessed


def test_a_model_that_nothing_is_known_of_is_a_guess():
    assert model_size({"kind": "hf", "path": "somebody/anything"}).guessed
    assert not model_size({"kind": "hf", "path": "google/gemma-2-2b"}).guessed


def test_training_a_language_model_is_six_operations_a_parameter_and_token():
    jobs = [the_model()]
    (work,) = costs.works(jobs, sizes(jobs))
    tokens, parameters = 1_000_000, model_size(MODEL).parameters
    attention = 6 * 3 * 32 * 64 * tokens
    assert work.scaled * FLOPS == pytest.approx(6 * parameters * tokens + attention)
    assert work.seconds(2, 0) == pytest.approx(work.fixed + work.scaled / 2)


def test_an_sae_costs_by_width_tokens_and_learning_rates():
    jobs = [
        the_model(),
        *(
            trained(w, t, r)
            for w, t, r in (
                (64, 1000, 0.1),
                (64, 2000, 0.1),
                (64, 1000, [0.1, 0.2]),
                (128, 1000, 0.1),
            )
        ),
    ]
    _, one, longer, rates, wider = [work.scaled for work in costs.works(jobs, sizes(jobs))]
    assert longer == pytest.approx(2 * one)
    assert rates == pytest.approx(2 * one)
    assert wider - one == pytest.approx(6 * 1000 * 32 * 64 / FLOPS)


def test_a_rule_that_nobody_knows_costs_what_its_kind_costs():
    jobs = [job("tabulate_new_paper_fig1"), job("draw_figure", 1, [0]), job("novel_method", 2)]
    jobs.append(job("train_sae", 3, params={"sae": {"unforeseen": True}}))
    found = costs.works(jobs, sizes(jobs[:3]))
    assert all(work.seconds(1, 0) > 0 for work in found)
    assert "4 jobs" in line(jobs, cores=2)


def test_what_a_job_reads_is_what_those_before_it_write():
    jobs = [
        job("tabulate_b", 1, [1], input=["tabulate_a0"], output=["x"]),
        job("tabulate_a", 0, output=["tabulate_a0"]),
    ]
    reader, writer = costs.works(jobs, sizes(jobs))
    assert reader.scaled == pytest.approx(writer.written * 4e-9)


def test_a_chain_takes_its_sum_and_independent_jobs_share_the_cores():
    chain = [job("a", n, [n - 1] if n else []) for n in range(4)]
    seconds = [cost(each) for each in (1.0, 2.0, 3.0, 4.0)]
    assert costs.scheduled(chain, seconds, cores=8, gpus=0)[0] == pytest.approx(10)
    apart = [job("a", n) for n in range(4)]
    assert costs.scheduled(apart, seconds, cores=1, gpus=0)[0] == pytest.approx(10)
    assert costs.scheduled(apart, seconds, cores=2, gpus=0)[0] == pytest.approx(5)
    assert costs.scheduled(apart, seconds, cores=4, gpus=0)[0] == pytest.approx(4)


def test_threads_and_gpus_are_not_given_twice():
    apart = [job("a", n) for n in range(3)]
    assert costs.scheduled(apart, [cost(1.0, threads=2)] * 3, cores=3, gpus=0)[0] == pytest.approx(
        3
    )
    assert costs.scheduled(apart, [cost(1.0, gpu=1)] * 3, cores=8, gpus=1)[0] == pytest.approx(3)
    # One that wants more cores than there are gets all of them, as in Snakemake.
    assert costs.scheduled(apart, [cost(1.0, threads=9)] * 3, cores=2, gpus=0)[0] == pytest.approx(
        3
    )


def test_memory_is_that_of_jobs_at_one_time():
    apart = [job("a", n) for n in range(4)]
    most = [costs.scheduled(apart, [cost(1.0)] * 4, cores=cores, gpus=0)[1] for cores in (1, 2, 4)]
    assert np.diff(most) == pytest.approx([10, 20])


def test_finished_jobs_cost_nothing_and_hold_nobody_up():
    jobs = [job("a", 0, needed=False), job("b", 1, [0])]
    found = costs.forecast(jobs, [cost(100.0), cost(1.0)], cores=2)
    assert (found.jobs, found.wall_s, found.core_s) == (1, pytest.approx(1), pytest.approx(1))
    assert shown.last_line(costs.forecast(jobs[:1], [cost(1.0)], 2)) == "expected: nothing to do"


def record(seconds, own=40.0):
    usage = {"started": "2026-01-01T00:00:00+00:00", "cpu_s": seconds, "threads": 1, "host": "h"}
    return usage | {
        "wall_s": seconds,
        "peak_mb": 400 + own,
        "loaded_mb": 400.0,
        "ended": "finished",
    }


def test_rates_are_those_that_made_the_records():
    jobs = [job("a", number) for number in range(30)]
    works = [Work(1.0, scaled) for scaled in np.linspace(0, 50, 30)]
    used = {n: record(3 * work.fixed + 0.5 * work.scaled) for n, work in enumerate(works)}
    rate = calibration.fitted(jobs, works, used)["a"]
    assert (rate.fixed, rate.scaled) == (pytest.approx(3, rel=0.1), pytest.approx(0.5, rel=0.1))
    assert (rate.jobs, rate.own_mb) == (30, 40)


def test_small_jobs_say_nothing_of_large_ones():
    jobs = [job("a", number) for number in range(30)]
    works = [Work(1.0, 1e-4)] * 30
    rates = calibration.fitted(jobs, works, {n: record(2.0) for n in range(30)})
    assert rates["a"].fixed == pytest.approx(2, rel=0.01)
    assert rates["a"].scaled == pytest.approx(rates[OTHERS].scaled, rel=0.05)


def test_rules_without_records_are_as_slow_as_the_others():
    jobs = [job("a"), job("b", 1), job("never_run", 2)]
    works = [Work(1.0, 1.0)] * 3
    rates = calibration.fitted(jobs, works, {0: record(4.0), 1: record(4.0)})
    assert costs.costs(jobs, works, rates)[2].wall_s == pytest.approx(4, rel=0.01)


def test_records_are_read_beside_the_logs_and_unfinished_ones_are_not(tmp_path):
    for name, ended in (("a", "finished"), ("b", "error")):
        (tmp_path / f"{name}.usage.json").write_text(json.dumps(record(1.0) | {"ended": ended}))
    jobs = [job("a", log=str(tmp_path / f"{name}.log")) for name in ("a", "b", "missing")]
    assert list(calibration.recorded(jobs)) == [0]


def test_rates_are_kept(tmp_path):
    file = tmp_path / "results" / "rates.json"
    assert calibration.load(file) == calibration.LAPTOP
    rates = {OTHERS: Rate(2.0, 3.0, 4), "a": Rate(1.5, 0.5, 9, 12.0)}
    calibration.save(file, rates)
    assert calibration.load(file) == rates
    file.write_text("[]")
    with pytest.raises(AnatomyError, match="--calibrate"):
        calibration.load(file)


@pytest.mark.parametrize(
    ("arguments", "cores"), [(["-c", "3"], 3), (["--cores=5", "all"], 5), (["-c7", "-n"], 7)]
)
def test_cores_of_a_command_line(arguments, cores):
    assert cores_of(arguments) == cores


def test_the_last_line_says_time_disk_and_memory():
    found = costs.Forecast([costs.RuleCost("a", 3, 7200.0, 0.0, 2.5e9, 10.0)], 2, 3725.0, 1000.0)
    assert shown.last_line(found) == (
        "expected: 1 h 2 min on 2 cores for 3 jobs (2.00 core-hours), 2.5 GB of disk, 1.0 GB of memory"
    )
    assert shown.bytes_spoken(850e3) == "850 kB"
    assert shown.bytes_spoken(12e6) == "12 MB"
