"""The explorer opens from a disk: all its addresses, in every theme and size, and with broken files."""

import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.anatomy.report.browser.planted_site import HOSTILE, HOSTILE_SAE, SITE, SPLIT, Site
from tests.anatomy.report.synthetic_run import HOSTILE_NAMES, write_synthetic_run
from workflow_scripts.anatomy.report.templating import ASSETS

PAGES = sorted(path for path in ASSETS.glob("*.js") if path.name != "lib.js")


def test_it_opens_in_an_awkward_folder_and_asks_for_nothing_else(visit, site):
    with visit(site) as page:
        page.open()
        assert page.texts("main h1") == ["planted"]
        views = ["saes", "latents", "texts", "claims", "help"]
        for view in views:
            page.go(f"#/{view}", f"main.view-{view} h1")
            assert page.page.locator("[role=alert]").count() == 0
        assert page.page.evaluate("typeof harmed") == "undefined"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Not among what the tests say."""


def test_it_opens_from_a_server_too(visit, site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site.folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = f"http://127.0.0.1:{server.server_port}/"
        with visit(site) as page:
            page.page.goto(f"{there}explorer.html{site.latent_route(1)}")
            page.page.locator(".numbers").wait_for()
            assert page.asked and all(url.startswith(there) for url in page.asked)
            page.asked.clear()
        server.shutdown()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_no_view_is_wider_than_the_screen(visit, site, width, scheme):
    with visit(site, color_scheme=scheme) as page:
        page.page.set_viewport_size({"width": width, "height": 780})
        page.open()
        text = site.route("text", 0, SITE, "topk-w40", query="?token=12")
        routes = [
            site.latent_route(1),
            text,
            "#/saes",
            "#/latents",
            "#/claims",
            "#/help",
            "#/texts",
        ]
        for route in ["#/overview", site.route("sae", SITE, HOSTILE_SAE), *routes]:
            page.go(route, "main h1")
            page.until("!document.querySelector('.skeleton')")
            wide = "document.documentElement.scrollWidth - innerWidth"
            assert page.page.evaluate(wide) <= 0, route


def test_every_kind_of_address_works_cold(visit, site):
    text = site.route("text", 3, SITE, "topk-w40", query="?token=17&by=ce")
    other = site.route("text", 3, "topk-w40")
    compare = site.route("compare", SITE, "topk-w40", 0, SITE, "topk-w64", 2)
    expected = {
        site.latent_route(1): ".numbers",
        site.route("sae", SITE, HOSTILE_SAE): "dl.rows",
        text: ".token-panel",
        other: ".running",
        compare: ".compare .numbers",
        "#/latents?q=is%3Adead&sort=-density": ".row",
        "#/nonsense": ".unknown",
        "#/constructor": ".unknown",
        "#/%E0%A4%A": ".unknown",
        site.route("latent", SITE, "topk-w40", 99999): ".unknown",
        site.route("latent", SITE, "of another run", 0): ".unknown a",
        site.route("text", 99, SITE, "topk-w40"): ".unknown",
    }
    with visit(site) as page:
        for route, selector in expected.items():
            page.page.goto("about:blank")
            page.open(route, selector)
        page.asked[:] = [url for url in page.asked if url != "about:blank"]


def test_back_and_forward(visit, site):
    with visit(site) as page:
        page.open("#/latents?sort=-density", ".row")
        page.page.locator(".row").nth(3).click()
        page.page.locator(".numbers").wait_for()
        there = page.route
        page.page.go_back()
        page.page.locator(".row.active").wait_for()
        assert page.route == "#/latents?sort=-density"
        assert page.page.locator(".row.active").get_attribute("aria-rowindex") == "5"
        page.page.go_forward()
        page.page.locator(".numbers").wait_for()
        assert page.route == there


def test_hostile_text_stays_text(visit, site):
    with visit(site) as page:
        page.open(site.route("text", 0, SITE, "topk-w40"), ".running .t")
        shown = page.texts(".running .t")[10 : 10 + len(HOSTILE) + len(SPLIT)]
        marks = {"\u202e": "⟨U+202E⟩", "\u2028": "⟨U+2028⟩", "\r": "␍", "\x00": "⟨U+0000⟩"}
        expected = [marks.get(token, token) for token in HOSTILE]
        expected[-1] = f"{HOSTILE[-1][:200]}…"
        assert shown == [*expected, "😀", "⋯", "⟨E2 80⟩"]
        page.go(site.latent_route(0), ".numbers")
        assert page.texts("main h1") == [
            "<img src=x onerror=globalThis.harmed=1> ⟨U+202E⟩.*(needle)"
        ]
        page.go(site.route("sae", SITE, HOSTILE_SAE), "main.view-sae h1")
        assert page.texts("main h1") == ["../<b>javascript:⟨U+202E⟩"]
        assert page.page.locator("main img, main script, main svg[onload], main b b").count() == 0
        assert page.page.evaluate("typeof harmed") == "undefined"
        targets = page.page.evaluate("[...document.links].map((link) => link.href)")
        assert not [target for target in targets if not target.startswith("file:")]


def test_what_the_workflow_writes_of_hostile_names_is_shown_as_it_is(visit, tmp_path):
    """The files of the writer itself, SAEs called as nobody would."""
    write_synthetic_run(tmp_path, latents=60, saes=len(HOSTILE_NAMES), hostile=True)
    written = object.__new__(Site)
    written.folder = tmp_path
    with visit(written) as page:
        page.open("#/saes", ".row")
        routes = page.page.evaluate("[...document.querySelectorAll('.row a')].map((a) => a.hash)")
        assert len(set(routes)) == len(HOSTILE_NAMES)
        shown = page.texts(".row a")
        for route, name in zip(routes, shown, strict=True):
            page.go(route, "dl.rows")
            page.until("(name) => document.querySelector('main h1').textContent === name", name)
            page.page.get_by_text("all its latents").click()
            page.page.locator(".row").first.click()
            page.page.locator(".numbers").wait_for()
            page.until("(name) => document.querySelector('.sub a').textContent === name", name)
        page.go("#/texts", ".text-list a")
        page.page.locator(".text-list a").first.click()
        page.page.locator(".running .t").first.wait_for()
        assert page.page.evaluate("typeof hacked") == "undefined"
        assert page.page.locator("main img, main script, main b b").count() == 0


def test_the_page_can_neither_write_markup_nor_run_text(visit, site):
    with visit(site, quiet=False) as page:
        page.open()
        tries = """() => [
            () => { document.body.innerHTML = "<i></i>"; },
            () => { document.createElement("script").src = "data/run.js"; },
            () => policy.createScriptURL("data/../../x.js"),
            () => policy.createScriptURL("javascript:1//data/x.js"),
          ].map((attempt) => { try { attempt(); return "done"; } catch { return "refused"; } })"""
        assert page.page.evaluate(tries) == ["refused"] * 4


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_scripts_of_ours_are_plain(path):
    text = path.read_text()
    assert text.startswith('"use strict";\n')
    forbidden = ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(")
    assert not [word for word in forbidden if word in text]
    assert not re.search(r"https?://", text)


def test_the_libraries_are_those_of_the_lock():
    import json

    lock = json.loads((ASSETS.with_name("vendor") / "package-lock.json").read_text())["packages"]
    licences = (ASSETS / "LICENSES.txt").read_text()
    found = re.findall(r"^(\S+) (\S+) \([\w.-]+\)\n=+$", licences, re.MULTILINE)
    assert {"preact", "htm", "@tanstack/virtual-core", "d3-scale", "d3-shape"} <= dict(found).keys()
    for name, version in found:
        assert lock[f"node_modules/{name}"]["version"] == version
    assert not any("resolved" in about for about in lock.values())


@pytest.fixture
def broken(tmp_path, site):
    """A copy of the site to break."""
    shutil.copytree(site.folder, tmp_path / "report")
    copy = object.__new__(Site)
    copy.__dict__ |= site.__dict__ | {"folder": tmp_path / "report"}
    return copy


def cut(path):
    path.write_text(path.read_text()[:-40])


def damage(path):
    lines = path.read_text().split("\n")
    lines[2] = '"AAAA' + lines[2][5:]
    path.write_text("\n".join(lines))


def foreign(path):
    path.write_text(path.read_text().replace("0123456789abcdef", "fedcba9876543210"))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "lat-0.js is missing: copy or unpack the whole folder"),
        (cut, "lat-0.js is damaged or not whole"),
        (damage, "lat-0.js is damaged or not whole"),
        (foreign, "lat-0.js belongs to another run"),
    ],
    ids=["missing", "cut off", "damaged", "foreign"],
)
def test_a_file_that_cannot_be_read_is_a_sentence_and_the_page_lives(visit, broken, harm, words):
    harm(broken.folder / "data" / broken.saes[0]["slug"] / "lat-0.js")
    with visit(broken, quiet=False) as page:
        page.open(broken.latent_route(1), "[role=alert]")
        assert words in page.texts("[role=alert]")[0]
        page.go("#/latents", ".row")


@pytest.mark.parametrize("name", ["run", "names"])
def test_without_its_first_files_the_page_says_which(visit, broken, name):
    (broken.folder / "data" / f"{name}.js").unlink()
    with visit(broken, quiet=False) as page:
        page.open("", "[role=alert]")
        assert f"data/{name}.js is missing" in page.texts("[role=alert]")[0]


def test_without_scripts_it_says_what_it_needs(visit, site):
    with visit(site, java_script_enabled=False) as page:
        page.open()
        assert page.texts("main h1") == ["The explorer needs JavaScript."]


def contrast(one, other):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted([light(one), light(other)])
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_on_every_shade_of_both_themes():
    style = (ASSETS / "style.css").read_text()
    found = re.findall(r"--(\w[\w-]*): light-dark\((#\w{6}), (#\w{6})\);", style)
    light, dark = ({name: pair[at] for name, *pair in found} for at in (0, 1))
    assert len(light) > 30 and not re.findall(r"--\w[\w-]*: #", style)
    for theme in (light, dark):
        shades = [theme[f"{kind}{i}"] for kind in "hn" for i in range(1, 10)]
        for shade in [*shades, theme["paper"], theme["panel"], theme["hover"]]:
            assert contrast(theme["ink"], shade) >= 4.5
        for name in ("soft", "accent", "mark"):
            for ground in ("paper", "panel", "hover"):
                assert contrast(theme[name], theme[ground]) >= 4.5, (name, ground)
        for name in ("good", "bad", "warn", "accent"):
            assert contrast(theme[name], theme[f"{name}-soft"]) >= 4.5, name


def test_the_theme_is_that_of_the_system_until_one_is_chosen(visit, site):
    paper = "() => getComputedStyle(document.body).backgroundColor"
    for system, other in (("light", "dark"), ("dark", "light")):
        with visit(site, color_scheme=system) as page:
            page.open()
            shown = {system: page.page.evaluate(paper)}
            page.page.keyboard.press("t")
            shown[other] = page.page.evaluate(paper)
            assert shown == {"light": "rgb(251, 251, 249)", "dark": "rgb(19, 21, 24)"}
            page.page.emulate_media(media="print", color_scheme=system)
            assert page.page.evaluate(paper) == shown["light"]
