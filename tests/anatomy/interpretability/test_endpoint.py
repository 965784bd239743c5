"""The endpoint backend against a real HTTP server on the loopback that misbehaves on demand."""

import json
import logging
import re
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability import Settings, completions, endpoint, interpret
from workflow_scripts.anatomy.interpretability.completions import (
    GIVE_UP_AFTER,
    Completions,
    EndpointProblem,
)
from workflow_scripts.anatomy.interpretability.endpoint import (
    judge,
    marked,
    parse_answers,
    parse_explanation,
)
from workflow_scripts.anatomy.interpretability.examples import SILENT_WINDOW, LatentExamples
from workflow_scripts.anatomy.interpretability.judgement import UNKNOWN, correct
from workflow_scripts.anatomy.interpretability.scores import latent_scores, tidy
from workflow_scripts.anatomy.interpretability.windows import Windows

KEY = "sk-secret-0123456789"
VARIABLE = "ANATOMY_TEST_KEY"
STRINGS = [" the", " cat", " sat", "\n", " 7", " dog"]
FIRES_ON = [1, 5]  # latent i fires on this token
ASK = [{"role": "user", "content": "Hello?"}]


def answer_as_model(messages) -> str:
    """A model that finds the marked token, and later finds it again."""
    system, user = messages[0]["content"], messages[1]["content"]
    if "JSON list" not in system:
        return json.dumps({"explanation": "the word " + re.search("« ?(.*?)»", user)[1]})
    word = re.search("the word (.*)", user)[1]
    excerpts = re.split(r"Excerpt \d+:\n", user)[1:]
    return json.dumps([int(word in excerpt) for excerpt in excerpts])


class Server:
    """Answers with the next of `scripted`, and after these as the model does."""

    def __init__(self):
        self.scripted: list = []
        self.requests: list[dict] = []
        self.times: list[float] = []
        self.authorizations: list[str | None] = []
        self.under_way = self.most_under_way = 0
        self.delay = 0.0
        self.model = answer_as_model
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.handle(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def handle(self, handler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            self.requests.append(body)
            self.times.append(time.monotonic())
            self.authorizations.append(handler.headers.get("Authorization"))
            scripted = self.scripted.pop(0) if self.scripted else None
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        time.sleep(self.delay)
        with self.lock:  # before it is answered: whoever has the answer may ask again at once
            self.under_way -= 1
        if callable(scripted):
            scripted(handler)
        elif scripted is not None:
            send(handler, *scripted)
        elif handler.path != "/v1/chat/completions":
            send(handler, 404, "no such path")
        else:
            send(handler, 200, chat(self.model(body["messages"])))


def chat(content) -> str:
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return json.dumps({"choices": [{"index": 0, "message": message}], "usage": usage})


def send(handler, status: int, body: str, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body.encode())))
    handler.end_headers()
    handler.wfile.write(body.encode())


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@pytest.fixture
def server():
    with serving() as one:
        yield one


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv(VARIABLE, KEY)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def short_backoff(monkeypatch):
    monkeypatch.setattr(completions, "LONGEST_BACKOFF", 0.02)


def client(server, tmp_path, **options) -> Completions:
    options = {"api_key_variable": VARIABLE, "cache": tmp_path / "cache", **options}
    return Completions(server.url, "a-model", **options)


def windows_of(tokens: np.ndarray, fires_on: int) -> Windows:
    activations = (tokens == fires_on).astype(np.float32)
    n = len(tokens)
    places = np.arange(n)
    return Windows(tokens, activations, np.zeros(tokens.shape, np.uint64), places, places)


def examples_of(latent: int, tests: int = 24, problem: str | None = None) -> LatentExamples:
    generator = np.random.default_rng(latent)
    own = FIRES_ON[latent % 2]
    others = [token for token in range(6) if token != own]

    def windows(n: int, active) -> Windows:
        tokens = generator.choice(others, (n, 8)).astype(np.int32)
        tokens[active, 4] = own
        return windows_of(tokens, own)

    quantile = np.arange(tests, dtype=np.int8) % 4 * 3
    none = windows(0, slice(None))
    top, detection = windows(5, slice(None)), windows(tests, quantile != SILENT_WINDOW)
    return LatentExamples(latent, 99, top, none, none, detection, quantile, problem)


def everything_written(tmp_path) -> str:
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    return "".join(path.name + path.read_text() for path in files)


def test_latents_are_explained_and_detected(server, tmp_path):
    examples = [examples_of(i) for i in range(6)] + [examples_of(6, problem="too few")]
    judgements = judge(examples, STRINGS, client(server, tmp_path), concurrency=3)
    assert [one.latent for one in judgements] == list(range(7))
    assert [one.explanation for one in judgements[:2]] == ["the word cat", "the word dog"]
    assert judgements[6].problem == "too few"
    assert judgements[6].explanation is None
    for own, one in zip(examples[:6], judgements, strict=False):
        assert correct(own, one).mean() == 1.0
        assert one.problem is None
    # One explanation and three batches of ten, ten and four windows.
    assert len(server.requests) == 6 * 4
    assert set(server.authorizations) == {f"Bearer {KEY}"}
    assert server.requests[0]["model"] == "a-model"
    assert server.requests[0]["temperature"] == 0


def test_a_rerun_costs_nothing_and_replays_without_server_and_key(tmp_path, monkeypatch):
    examples = [examples_of(i) for i in range(4)]
    with serving() as server:
        first = judge(examples, STRINGS, client(server, tmp_path))
        asked = len(server.requests)
        judge(examples, STRINGS, client(server, tmp_path))
        assert len(server.requests) == asked
    monkeypatch.delenv(VARIABLE)
    again = judge(examples, STRINGS, client(server, tmp_path))
    for one, other in zip(first, again, strict=True):
        assert one.explanation == other.explanation
        np.testing.assert_array_equal(one.fires, other.fires)


def test_unreadable_answers_are_replayed_too(tmp_path):
    with serving() as server:
        server.model = lambda messages: "I would rather not."
        with pytest.raises(AnatomyError, match="no latent could be judged"):
            judge([examples_of(0)], STRINGS, client(server, tmp_path))
        assert len(server.requests) == 1 + endpoint.ASKED_AGAIN
        assert server.requests[1]["messages"][2]["content"] == "I would rather not."
    with pytest.raises(AnatomyError, match="3 answers that could not be read"):
        judge([examples_of(0)], STRINGS, client(server, tmp_path, retries=0))


def test_the_key_is_written_nowhere(server, tmp_path, caplog, short_backoff):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("anatomy").propagate = True
    server.model = lambda messages: f"You said {KEY}: " + answer_as_model(messages)
    server.scripted = [(500, f"your key {KEY} broke me"), (200, f"not JSON {KEY}")]
    own = examples_of(0)
    (judgement,) = judge([own], STRINGS, client(server, tmp_path), concurrency=1)
    server.scripted = [(400, f"bad request by {KEY}")]
    with pytest.raises(EndpointProblem) as problem:
        client(server, tmp_path).ask(ASK)
    assert "bad request by [key]" in str(problem.value)
    assert correct(own, judgement).mean() == 1.0
    written = everything_written(tmp_path)
    assert "You said [key]" in written
    assert KEY not in written
    assert KEY not in caplog.text
    assert "HTTP 500" in caplog.text
    assert KEY not in repr(judgement)


def test_429_is_waited_out_as_asked(server, tmp_path, short_backoff):
    server.scripted = [lambda handler: send(handler, 429, "slow down", Retry_After="0.7")]
    one = client(server, tmp_path)
    server.model = lambda messages: "Hello."
    assert one.ask(ASK) == "Hello."
    assert server.times[1] - server.times[0] >= 0.69


def test_a_pause_holds_for_all_threads(server, tmp_path, short_backoff):
    server.scripted = [lambda handler: send(handler, 429, "slow down", Retry_After="0.6")]
    server.model = lambda messages: "Hello."
    one = client(server, tmp_path)
    first = threading.Thread(target=one.ask, args=(ASK,))
    first.start()
    time.sleep(0.25)
    assert one.ask([{"role": "user", "content": "Another"}]) == "Hello."
    first.join()
    assert min(server.times[1:]) - server.times[0] >= 0.59


def test_retry_after_as_a_date_or_as_nonsense():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 < completions._pause(later) <= 30
    assert completions._pause("Wed, 01 Jan 2020 00:00:00 GMT") == 0.0
    assert completions._pause("1e9") == completions.LONGEST_WAIT
    assert completions._pause("-3") == 0.0
    assert (
        completions._pause("soon") is completions._pause("nan") is completions._pause(None) is None
    )


@pytest.mark.parametrize(
    "trouble, said",
    [
        ([(500, "")] * 3, "HTTP 500, after 3 attempts"),
        ([(503, "busy")] * 3, "HTTP 503, after 3 attempts"),
        ([(200, "<html>")] * 3, "no chat completion, after 3 attempts"),
        ([(200, '{"choices": []}')] * 3, "no chat completion, after 3 attempts"),
        ([(200, chat(None))] * 3, "an empty answer, after 3 attempts"),
        ([lambda handler: time.sleep(0.5)] * 3, "no answer within 0.2 s, after 3 attempts"),
        ([lambda handler: handler.connection.close()] * 3, "no connection"),
    ],
)
def test_trouble_is_retried_and_in_the_end_reported(server, tmp_path, short_backoff, trouble, said):
    options = {"retries": 2, "timeout_s": 0.2}
    server.model = lambda messages: "Hello."
    server.scripted = trouble[:2]
    assert client(server, tmp_path / "good", **options).ask(ASK) == "Hello."
    assert len(server.requests) == 3
    server.scripted = list(trouble)
    one = client(server, tmp_path / "bad", **options)
    with pytest.raises(EndpointProblem, match=re.escape(said)):
        one.ask(ASK)
    assert one.cached(ASK) is None


def test_an_answer_that_trickles_in_runs_out_of_time(server, tmp_path):
    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)

    server.scripted = [trickle]
    started = time.monotonic()
    with pytest.raises(EndpointProblem, match=r"no answer within 0\.3 s"):
        client(server, tmp_path, retries=0, timeout_s=0.3).ask(ASK)
    assert time.monotonic() - started < 1.5


def test_a_rejected_request_is_not_retried(server, tmp_path):
    server.scripted = [(400, "unknown\n parameter temperature")]
    with pytest.raises(EndpointProblem, match=r"\(HTTP 400\): unknown parameter temperature"):
        client(server, tmp_path).ask(ASK)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_an_endpoint_that_refuses_ends_the_run(server, tmp_path, status):
    examples = [examples_of(i) for i in range(20)]
    server.scripted = [(status, f"no {KEY}")] * 200
    with pytest.raises(AnatomyError, match=f"HTTP {status}") as error:
        judge(examples, STRINGS, client(server, tmp_path), concurrency=2)
    assert KEY not in str(error.value)
    assert len(server.requests) < 10


def test_it_goes_on_where_it_can(server, tmp_path, short_backoff):
    def model(messages):
        if "cat" in messages[1]["content"].split("\n")[0]:
            return "[1, 0]"
        return answer_as_model(messages)

    server.model = model
    examples = [examples_of(0), examples_of(1)]
    judgements = judge(examples, STRINGS, client(server, tmp_path), concurrency=2)
    assert correct(examples[1], judgements[1]).mean() == 1.0
    assert judgements[0].explanation == "the word cat"
    assert (judgements[0].fires == UNKNOWN).all()
    assert judgements[0].problem == (
        "24 of 24 windows not judged: 3 answers that could not be read"
    )
    scores = latent_scores(tidy(examples, judgements))
    assert np.isnan(scores.loc[0, "score"])
    assert scores.loc[0, "problem"] == judgements[0].problem
    assert scores.loc[1, "score"] == 1.0


def test_after_many_failures_no_more_requests_are_sent(server, tmp_path, short_backoff):
    server.scripted = [(500, "")] * 500
    examples = [examples_of(i) for i in range(40)]
    with pytest.raises(AnatomyError, match="no latent could be judged"):
        judge(examples, STRINGS, client(server, tmp_path, retries=1), concurrency=2)
    assert len(server.requests) <= 2 * (GIVE_UP_AFTER + 2)


def test_no_more_requests_are_under_way_than_allowed(server, tmp_path):
    server.delay = 0.03
    examples = [examples_of(i, tests=12) for i in range(12)]
    judge(examples, STRINGS, client(server, tmp_path, concurrency=3), concurrency=3)
    assert server.most_under_way == 3
    server.most_under_way = 0
    one = client(server, tmp_path / "other", concurrency=2)
    judge(examples, STRINGS, one, concurrency=8)
    assert server.most_under_way == 2


def test_a_missing_key_is_told_before_anything_is_asked(server, tmp_path, monkeypatch):
    for value in (None, "  ", "sk-\u00e9"):
        monkeypatch.delenv(VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(AnatomyError, match=VARIABLE):
            judge([examples_of(0)], STRINGS, client(server, tmp_path))
    assert not server.requests
    judge([examples_of(0)], STRINGS, client(server, tmp_path, api_key_variable=None))
    assert set(server.authorizations) == {None}


@pytest.mark.parametrize("url", ["", None, "localhost:8000", "ftp://x/v1", "http://me:pw@x/v1"])
def test_addresses_that_are_none(tmp_path, url):
    with pytest.raises(AnatomyError, match=r"interpretability\.base_url") as error:
        Completions(url, "m", None, tmp_path)
    assert "pw" not in str(error.value)
    with pytest.raises(AnatomyError, match=r"interpretability\.model"):
        Completions("http://x/v1", "", None, tmp_path)


def test_the_cache_tells_requests_apart(server, tmp_path):
    server.model = lambda messages: messages[-1]["content"] + "!"
    one = client(server, tmp_path)
    other = client(server, tmp_path, request={"temperature": None, "max_tokens": 5})
    assert one.ask(ASK) == other.ask(ASK) == one.ask(ASK) == "Hello?!"
    assert len(server.requests) == 2
    assert "temperature" not in server.requests[1]
    assert server.requests[1]["max_tokens"] == 5
    (tmp_path / "cache").joinpath(*one._file(one._body(ASK)).parts[-2:]).write_text("{cut off")
    assert one.ask(ASK) == "Hello?!"
    assert len(server.requests) == 3
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 2


@pytest.mark.parametrize(
    "answer, expected",
    [
        ("[1, 0, 1]", [1, 0, 1]),
        ("```json\n[1,0,1]\n```", [1, 0, 1]),
        ('{"answers": [true, false, true]}', [1, 0, 1]),
        ('["1", "0", "yes"]', [1, 0, 1]),
        ("Excerpt [2] is odd. Answer: [1, 0, 1,]", [1, 0, 1]),
        ("<think>[0, 0, 0]</think>\n[1, 0, 1]", [1, 0, 1]),
        ("[1, 0]", None),
        ("[1, 0, 2]", None),
        ("1, 0, 1", None),
        ("", None),
    ],
)
def test_answers_are_parsed(answer, expected):
    assert parse_answers(answer, 3) == expected


@pytest.mark.parametrize(
    "answer, expected",
    [
        ('{"explanation": "numbers in \\"x\\""}', 'numbers in "x"'),
        ('I see.\n```json\n{"explanation":\n "two\nlines"}\n```', "two lines"),
        ("**Explanation:** numbers in tables", "numbers in tables"),
        ("EXPLANATION: numbers", "numbers"),
        ('<think>{"explanation": "no"}</think>{"explanation": "yes"}', "yes"),
        ('{"explanation": ""}', None),
        ('{"explanation": 3}', None),
        ("I do not know.", None),
    ],
)
def test_explanations_are_parsed(answer, expected):
    assert parse_explanation(answer) == expected


def test_active_tokens_are_marked():
    tokens = np.array([[0, 1, 5, 3, 1]], dtype=np.int32)
    activations = np.array([[0.1, 2.0, 1.0, 0.0, 0.7]], dtype=np.float32)
    none = np.zeros(1, np.int64)
    windows = Windows(tokens, activations, np.zeros((1, 5), np.uint64), none, none)
    assert marked(windows, 0, STRINGS) == " the« cat dog»\n« cat»"


def test_interpret_uses_the_endpoint(server, tmp_path):
    from tests.anatomy.interpretability.corpus import Corpus, PlantedCodes

    corpus = Corpus(contexts=150)
    ids = np.array(corpus.ids("self", " in"))
    corpus.strings = [piece.replace("«", "<") for piece in corpus.strings]
    codes = PlantedCodes([corpus.tokens == one for one in ids])
    settings = Settings(
        backend="endpoint",
        base_url=server.url,
        model="m",
        api_key_variable=VARIABLE,
        cache=str(tmp_path / "cache"),
        latents=None,
        window=16,
    )
    store = corpus.store(tmp_path / "store.zarr")
    examples, judgements = interpret(store, codes, corpus.strings, settings, 0)
    assert [one.explanation for one in judgements] == ["the word self", "the word in"]
    assert not len(examples[0].silent)
    assert latent_scores(tidy(examples, judgements))["score"].min() > 0.6
