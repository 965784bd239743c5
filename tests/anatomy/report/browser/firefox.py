"""Firefox without a driver of its own: the few commands of WebDriver BiDi that a smoke test needs.

Playwright steers a Firefox of its own making; this one is the Firefox of the system.
"""

import asyncio
import json
import re
import subprocess
import threading
import time
from itertools import count

from tornado.websocket import websocket_connect

SECONDS = 30
KEYS = {"Enter": "\ue007", "Escape": "\ue00c"}
EVENTS = ["log.entryAdded", "network.beforeRequestSent", "browsingContext.userPromptOpened"]


class Firefox:
    """A headless Firefox with an empty profile, and its one tab.

    said: what the tab wrote on its console, its errors and dialogs. asked: every address it asked for.
    """

    def __init__(self, executable: str, profile):
        self.said, self.asked, self._number = [], [], count(1)
        command = [executable, "--headless", "--remote-debugging-port=0", "--no-remote"]
        self._process = subprocess.Popen(
            [*command, "--profile", str(profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # A loop in a thread: the one of this thread may be Playwright's.
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._socket = self._wait(websocket_connect, f"{self._address()}/session")
        self._do("session.new", capabilities={})
        self._do("session.subscribe", events=EVENTS)
        (tab,) = self._do("browsingContext.getTree")["contexts"]
        self._tab = tab["context"]

    def _address(self) -> str:
        for line in self._process.stderr:
            if found := re.search(r"BiDi listening on (ws://\S+)", line):
                threading.Thread(target=self._process.stderr.read, daemon=True).start()
                return found[1]
        raise RuntimeError("Firefox ended before it could be spoken to")

    def _wait(self, function, *arguments, **settings):
        async def awaited():
            return await function(*arguments, **settings)

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(SECONDS)

    def _do(self, method: str, **parameters):
        number = next(self._number)
        message = json.dumps({"id": number, "method": method, "params": parameters})
        self._wait(self._socket.write_message, message)
        while True:
            answer = json.loads(self._wait(self._socket.read_message))
            if answer["type"] == "event":
                self._note(answer["method"], answer["params"])
            elif answer["id"] == number:
                assert answer["type"] == "success", f"{method}: {answer['message']}"
                return answer["result"]

    def _note(self, event: str, about: dict) -> None:
        if event == "network.beforeRequestSent":
            self.asked.append(about["request"]["url"])
        else:
            self.said.append(about.get("text") or event)

    def open(self, address: str) -> None:
        self._do("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def resize(self, width: int, height: int) -> None:
        """The page itself in CSS pixels, whatever the window."""
        viewport = {"width": width, "height": height}
        self._do("browsingContext.setViewport", context=self._tab, viewport=viewport)

    def travel(self, steps: int) -> None:
        self._do("browsingContext.traverseHistory", context=self._tab, delta=steps)

    def press(self, *keys: str) -> None:
        """Keys by their name in `KEYS`, other words letter by letter."""
        letters = [letter for key in keys for letter in (KEYS.get(key) or key)]
        strokes = [{"type": kind, "value": key} for key in letters for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": strokes}
        self._do("input.performActions", context=self._tab, actions=[source])

    def value(self, expression: str):
        """What an expression is in the page: anything that JSON can say."""
        result = self._do(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._tab},
            awaitPromise=False,
        )
        assert result["type"] == "success", result
        return json.loads(result["result"].get("value", "null"))

    def texts(self, selector: str) -> list[str]:
        return self.value(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)"
        )

    def until(self, expression: str) -> None:
        ends = time.monotonic() + SECONDS
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < ends, f"never true: {expression}; the page says {self.said}"
            time.sleep(0.025)

    def close(self) -> None:
        """End it, whatever state it is in."""
        try:
            self._do("browser.close")
        finally:
            self._process.terminate()
            self._process.wait(SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
