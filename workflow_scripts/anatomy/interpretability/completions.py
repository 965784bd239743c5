"""Chat completions from an OpenAI-compatible endpoint: cached, retried, bounded.

The API key is read from an environment variable and goes into one request header, nowhere else.
"""

import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.store import write_json

LONGEST_WAIT = 300.0
LONGEST_BACKOFF = 60.0
LARGEST_ANSWER = 10 * 2**20
# After so many requests in a row without an answer, the rest are not sent.
GIVE_UP_AFTER = 10
RETRIED = frozenset([408, 409, 425, 429])
REFUSED = {
    401: "does not accept the API key",
    403: "does not allow this API key to use the model",
    404: "does not know this address or this model",
}

Messages = Sequence[Mapping[str, str]]


class EndpointProblem(Exception):
    """One request that stays without an answer; others may still get theirs."""


class Completions:
    """Answers of one model at one endpoint.

    Parameters
    ----------
    base_url: as of the OpenAI clients, ending in ``/v1`` as a rule.
    model: its name there.
    api_key_variable: the environment variable that holds the key; None where none is needed.
    cache: folder of the answers, each under the SHA-256 of its request.
    concurrency: the most requests under way at once.
    timeout_s: seconds for one attempt. retries: further attempts after the first one.
    request: more fields of the request, such as ``max_tokens``; null leaves out a default one.

    Raises
    ------
    AnatomyError: an address that is none, or one with a password in it.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_variable: str | None,
        cache: str | Path,
        concurrency: int = 4,
        timeout_s: float = 60.0,
        retries: int = 5,
        request: Mapping[str, Any] | None = None,
    ):
        address = urlsplit(base_url or "")
        if address.scheme not in ("http", "https") or not address.hostname:
            raise AnatomyError(
                "interpretability.base_url: give the http(s) address of an OpenAI-compatible "
                "endpoint, such as http://localhost:8000/v1"
            )
        if address.username or address.password:
            raise AnatomyError(
                "interpretability.base_url: leave the password out of the address and name an "
                "environment variable in interpretability.api_key_variable"
            )
        if not model:
            raise AnatomyError("interpretability.model: name the model that the endpoint serves")
        path = address.path.rstrip("/") + "/chat/completions"
        self.url = address._replace(path=path, fragment="").geturl()
        self.model, self.api_key_variable = model, api_key_variable
        self.cache = Path(cache)
        self.timeout_s, self.retries = timeout_s, retries
        self.request = {"temperature": 0, **(request or {})}
        self.places = threading.BoundedSemaphore(concurrency)
        self.lock = threading.Lock()
        self.open_at = 0.0
        self.unanswered = 0
        self.http: Any = None

    def ask(self, messages: Messages) -> str:
        """The model's answer, from the cache if it has been asked before.

        Raises
        ------
        EndpointProblem: no answer after all attempts, or the request was rejected.
        AnatomyError: no key in the environment, or the endpoint refuses to work with it.
        """
        answer = self.cached(messages)
        if answer is not None:
            return answer
        body = self._body(messages)
        with self.places:
            if self.unanswered >= GIVE_UP_AFTER:
                raise EndpointProblem(
                    f"not asked, since {GIVE_UP_AFTER} requests in a row got no answer"
                )
            try:
                answer, usage = self._attempts(body)
            except EndpointProblem:
                with self.lock:
                    self.unanswered += 1
                raise
        entry = {"request": body, "answer": answer, "usage": usage}
        with self.lock:
            self.unanswered = 0
            write_json(self._file(body), entry)
        return answer

    def cached(self, messages: Messages) -> str | None:
        """The answer to a request that has been answered before, or None."""
        try:
            return json.loads(self._file(self._body(messages)).read_text())["answer"]
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            return None

    def key(self) -> str | None:
        """The API key."""
        if self.api_key_variable is None:
            return None
        key = os.environ.get(self.api_key_variable, "").strip()
        if not key or not (key.isascii() and key.isprintable()):
            what = "holds no API key" if not key else "holds something that is no API key"
            raise AnatomyError(
                f"interpretability.api_key_variable: the environment variable "
                f"{self.api_key_variable} {what}; set it and rerun"
            )
        return key

    def _body(self, messages: Messages) -> dict[str, Any]:
        fields = {"model": self.model, "messages": [dict(message) for message in messages]}
        return {name: v for name, v in {**fields, **self.request}.items() if v is not None}

    def _file(self, body: Mapping[str, Any]) -> Path:
        content = json.dumps([self.url, body], sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        return self.cache / digest[:2] / f"{digest}.json"

    def _attempts(self, body: Mapping[str, Any]) -> tuple[str, Any]:
        jitter = random.Random(self._file(body).name)
        problem = ""
        for attempt in range(self.retries + 1):
            # All threads wait while the endpoint has asked for a pause.
            time.sleep(max(0.0, self.open_at - time.monotonic()))
            answer, usage, problem, pause = self._attempt(body)
            if answer is not None:
                return answer, usage
            if attempt < self.retries:
                backoff = min(LONGEST_BACKOFF, 2.0**attempt) * jitter.uniform(0.5, 1.0)
                if pause is not None:
                    with self.lock:
                        self.open_at = max(self.open_at, time.monotonic() + pause)
                wait = max(backoff, pause or 0.0)
                log.info("endpoint: %s; trying again in %.1f s", problem, wait)
                time.sleep(wait)
        raise EndpointProblem(f"{problem}, after {self.retries + 1} attempts")

    def _attempt(self, body: Mapping[str, Any]) -> tuple[str | None, Any, str, float | None]:
        """Answer, usage, or else what went wrong and the pause that the endpoint asks for."""
        import httpx

        key = self.key()
        try:
            status, headers, content = self._post(body, key)
        except httpx.TimeoutException:
            return None, None, f"no answer within {self.timeout_s:g} s", None
        except httpx.HTTPError as error:
            # Its text may quote the request's headers.
            return None, None, f"no connection ({type(error).__name__})", None
        if status in REFUSED or 300 <= status < 400:
            what = REFUSED.get(status, "sends on to another address")
            raise AnatomyError(
                f"interpretability: the endpoint {what} (HTTP {status}); check base_url, model and "
                "api_key_variable, and rerun: what was answered is kept"
            )
        if status in RETRIED or status >= 500:
            return None, None, f"HTTP {status}", _pause(headers.get("retry-after"))
        if status >= 400:
            reason = " ".join(_without(key, content.decode(errors="replace")).split())
            raise EndpointProblem(f"the request was rejected (HTTP {status}): {reason[:200]}")
        try:
            parsed = json.loads(content)
            answer, usage = parsed["choices"][0]["message"]["content"], parsed.get("usage")
        except (ValueError, KeyError, IndexError, TypeError):
            return None, None, "an answer that is no chat completion", None
        if not isinstance(answer, str) or not answer.strip():
            return None, None, "an empty answer", None
        return _without(key, answer), json.loads(_without(key, json.dumps(usage))), "", None

    def _post(self, body: Mapping[str, Any], key: str | None) -> tuple[int, Any, bytes]:
        import httpx

        with self.lock:
            if self.http is None:
                self.http = httpx.Client(timeout=self.timeout_s, follow_redirects=False)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        deadline = time.monotonic() + self.timeout_s
        content = bytearray()
        with self.http.stream("POST", self.url, json=dict(body), headers=headers) as response:
            for part in response.iter_bytes():
                content += part
                if time.monotonic() > deadline or len(content) > LARGEST_ANSWER:
                    raise httpx.ReadTimeout("too slow or too long")
            return response.status_code, response.headers, bytes(content)

    def close(self) -> None:
        """Close the connections; the next request opens them anew."""
        if self.http is not None:
            self.http.close()
            self.http = None


def _without(key: str | None, text: str) -> str:
    """A server may echo the key; it is not to be written down even then."""
    return text.replace(key, "[key]") if key else text


def _pause(retry_after: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            date = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None
