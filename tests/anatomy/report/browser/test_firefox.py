"""The explorer in the other engine: it opens, is searched, has addresses, and shows hostile text as text."""

import shutil

import pytest

from tests.anatomy.report.browser.firefox import Firefox
from tests.anatomy.report.browser.planted_site import HOSTILE, HOSTILE_SAE, SITE

NAMES = ("firefox-esr", "firefox")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip(f"no Firefox: none of {', '.join(NAMES)} is in the PATH")
    opened = Firefox(executable, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def page(running, site):
    """The tab, with nothing said at the end and nothing asked for from elsewhere."""
    running.open("about:blank")
    running.said.clear()
    running.asked.clear()
    yield running
    folder = site.folder.as_uri() + "/"
    assert not [url for url in running.asked if not url.startswith((folder, "data:"))]
    assert running.value("typeof harmed") == "undefined"
    assert not running.said


def go(page, site, route, selector):
    page.open(site.address + route)
    page.until(f"document.querySelector({selector!r})")


def test_it_opens_in_an_awkward_folder(page, site):
    go(page, site, "", "main h1")
    assert page.texts("main h1") == ["planted"]


def test_a_request_of_the_network_would_be_seen(running):
    running.open("about:blank")
    running.asked.clear()
    elsewhere = "http://127.0.0.1:44444/picture.png"
    running.value("(globalThis.tried = 0)")
    running.value(f"Object.assign(new Image(), {{onerror() {{ tried = 1; }}, src: '{elsewhere}'}})")
    running.until("tried")
    assert elsewhere in running.asked


def test_its_views_have_addresses_that_work_cold(page, site):
    expected = {f"#/{view}": f"main.view-{view} h1" for view in ("saes", "latents", "texts")}
    expected |= {f"#/{view}": f"main.view-{view} h1" for view in ("claims", "help")}
    expected[site.latent_route(1)] = ".numbers"
    expected[site.route("text", 3, SITE, "topk-w40", query="?token=17&by=ce")] = ".token-panel"
    expected[site.route("latent", SITE, "topk-w40", 99999)] = ".unknown"
    for route, selector in expected.items():
        page.open("about:blank")
        go(page, site, route, selector)
        assert not page.texts("[role=alert]"), route
    page.asked[:] = [url for url in page.asked if url != "about:blank"]


def test_search_open_and_back_by_keys(page, site):
    go(page, site, "#/latents", ".row")
    page.press("/", "which -that", "Enter")
    expected = sum("which" in name and "that" not in name for name in map(str.lower, site.names))
    page.until(f"document.querySelector('.count').textContent.trim().startsWith('{expected} ')")
    listed = page.value("location.hash")
    page.until("document.querySelector('.row')")
    page.value("document.querySelector('.row').click()")
    page.until("document.querySelector('.numbers')")
    there = page.value("location.hash")
    assert there.startswith("#/latent/")
    page.travel(-1)
    page.until("document.querySelector('.row.active')")
    assert page.value("location.hash") == listed
    page.travel(1)
    page.until("document.querySelector('.numbers')")
    assert page.value("location.hash") == there


def test_hostile_text_stays_text(page, site):
    go(page, site, site.route("text", 0, SITE, "topk-w40"), ".running .t")
    marks = {"\u202e": "⟨U+202E⟩", "\u2028": "⟨U+2028⟩", "\r": "␍", "\x00": "⟨U+0000⟩"}
    expected = [marks.get(token, token) for token in HOSTILE[:-1]] + [f"{HOSTILE[-1][:200]}…"]
    shown = page.texts(".running .t")[10:]
    assert shown[: len(HOSTILE) + 3] == [*expected, "😀", "⋯", "⟨E2 80⟩"]
    go(page, site, site.route("sae", SITE, HOSTILE_SAE), "main.view-sae h1")
    assert page.texts("main h1") == ["../<b>javascript:⟨U+202E⟩"]
    assert not page.texts("main img, main script, main svg[onload], main b b")


@pytest.mark.parametrize("width", [360, 1440])
def test_no_view_is_wider_than_the_screen(page, site, width):
    page.resize(width, 780)
    for route in ["#/overview", "#/saes", "#/latents", site.latent_route(1)]:
        go(page, site, route, "main h1")
        page.until("!document.querySelector('.skeleton')")
        assert page.value("document.documentElement.scrollWidth - innerWidth") <= 0, route
