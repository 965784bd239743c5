"""A browser that sees a folder of files and nothing else; where there is none, these tests are left out."""

import shutil
from contextlib import contextmanager

import pytest

from tests.anatomy.report.browser.planted_site import Site

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is in the PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright in this Python")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A small explorer, in a folder whose name is as awkward as names of folders get."""
    return Site(tmp_path_factory.mktemp("site") / "a b#c%d ü" / "report")


class Visit:
    """An open page: what it said on its console, and what it asked for."""

    def __init__(self, page, site):
        self.page, self.site, self.said, self.asked = page, site, [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, route="", wait="main h1"):
        self.page.goto(self.site.address + route)
        self.page.locator(wait).first.wait_for()
        return self

    @property
    def route(self) -> str:
        return self.page.evaluate("location.hash")

    def go(self, route, wait):
        self.page.evaluate("(hash) => { location.hash = hash; }", route)
        self.page.locator(wait).first.wait_for()

    def texts(self, selector) -> list[str]:
        return self.page.locator(selector).all_text_contents()

    def until(self, expression, argument=None):
        """Wait for an expression to be true: `wait_for_function` would need what the page forbids."""
        for _ in range(200):
            if self.page.evaluate(expression, argument):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"never true: {expression}; the page says {self.said}")


@pytest.fixture
def visit(browser):
    """`with visit(site) as page`: closed at the end, with nothing said and nothing from elsewhere."""

    @contextmanager
    def visiting(site, quiet=True, **settings):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **settings)
        context.set_default_timeout(10_000)
        seen = Visit(context.new_page(), site)
        yield seen
        folder = site.folder.as_uri() + "/"
        elsewhere = [url for url in seen.asked if not url.startswith((folder, "data:,", "blob:"))]
        assert not elsewhere
        assert not (quiet and seen.said)
        context.close()

    return visiting
