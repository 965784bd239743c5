"""What the views of the explorer show, and how one gets about in them."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tests.anatomy.report.browser.planted_site import (
    NO_LOGITS,
    NOVEL_BELOW,
    SHOWN_MISSES,
    SITE,
    START,
    UNPROBED,
    Site,
)


def found(page) -> str:
    return page.texts(".count")[0].strip()


def numbers(page, label) -> list[str]:
    """A column of the rows in sight, in the order of the rows."""
    return page.page.evaluate(
        """(label) => [...document.querySelectorAll(".row")]
          .sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex"))
          .map((row) => [...row.children].find((cell) => cell.dataset.label === label).textContent.trim())""",
        label,
    )


def rows_where(site, query):
    """What a query means, in numpy."""
    column, names = site.columns, [name.lower() for name in site.names]
    of = np.array([sae["sae"] for sae in site.saes])[site.sae]
    with np.errstate(invalid="ignore"):
        return {
            "which": np.array(["which" in name for name in names]),
            '"which””that"': np.array(["which””that" in name for name in names]),
            "which -that": np.array(["which" in n and "that" not in n for n in names]),
            ".*(needle)": np.array([".*(needle)" in name for name in names]),
            "sae:w64": np.char.find(of, "w64") >= 0,
            "arch:topk site:blocks.1": np.ones(len(names), bool),
            "is:dead": column["density"] == 0,
            "is:dense": column["density"] > 0.1,
            "-is:dead density<1e-3": (column["density"] > 0) & (column["density"] < 1e-3),
            "density<=1%": column["density"] <= 0.01,
            "err>0.01": column["error"] > 0.01,
            "cos:0.5..0.7": (column["cosine"] >= np.float32(0.5))
            & (column["cosine"] <= np.float32(0.7)),
            "lift>=1.5": column["error_lift"] >= np.float32(1.5),
            "is:novel": column["novel"] == 1,
            "is:unlike": (column["density"] > 0) & (column["cosine"] < np.float32(NOVEL_BELOW)),
            "probe<0": column["probe"] < 0,
            "#7": site.latent == 7,
            "topk-w64/7": (site.latent == 7) & (of == "topk-w64"),
            "nothing is called so": np.zeros(len(names), bool),
        }[query]


QUERIES = (
    "which",
    '"which””that"',
    "which -that",
    ".*(needle)",
    "sae:w64",
    "arch:topk site:blocks.1",
    "is:dead",
    "is:dense",
    "-is:dead density<1e-3",
    "density<=1%",
    "err>0.01",
    "cos:0.5..0.7",
    "lift>=1.5",
    "is:novel",
    "is:unlike",
    "probe<0",
    "#7",
    "topk-w64/7",
    "nothing is called so",
)


def test_every_operator_of_the_search_finds_what_it_means(visit, site):
    with visit(site) as page:
        page.open("#/latents", ".row")
        for query in QUERIES:
            page.page.locator("#search").fill(query)
            wanted = f"{rows_where(site, query).sum()} of {len(site.sae)}"
            page.until(
                "(text) => document.querySelector('.count').textContent.trim() === text", wanted
            )
            page.until(
                "(q) => new URLSearchParams(location.hash.split('?')[1]).get('q') === q", query
            )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("densty<1", "No field is called “densty”; there are sae, site"),
        ("is:odd", "No state is called “odd”; there are novel, unlike, dead"),
        ("density<many", "“many” is no number"),
    ],
)
def test_a_query_that_means_nothing_is_a_sentence(visit, site, query, words):
    with visit(site) as page:
        page.open(f"#/latents?q={query.replace('<', '%3C')}", "[role=alert]")
        assert words in page.texts("[role=alert]")[0]


def test_rows_sort_both_ways_and_what_is_missing_is_last(visit, site):
    error = site.columns["error"]
    with visit(site) as page:
        page.open("#/latents?q=sae:w40", ".row")
        here = np.flatnonzero(site.sae == 0)
        for click, sign in (("descending", -1), ("ascending", 1)):
            head = page.page.locator("[role=columnheader]", has_text="Error contribution")
            if head.get_attribute("aria-sort") != click:
                head.locator("button").click()
            page.until(
                "(s) => [...document.querySelectorAll('[aria-sort]')].some((h) => h.ariaSort === s)",
                click,
            )
            key = np.where(np.isnan(error[here]), np.inf, sign * error[here])
            expected = here[np.argsort(key, kind="stable")]
            shown = numbers(page, "Latent")
            assert shown == [str(site.latent[row]) for row in expected[: len(shown)]]
            page.page.locator(".pane").evaluate("(pane) => { pane.scrollTop = 1e6; }")
            page.until("document.querySelector('.row:last-child').ariaRowIndex === '41'")
            assert numbers(page, "Latent")[-1] == str(site.latent[expected[-1]])
            assert numbers(page, "Error contribution")[-1] == "–"
            page.page.locator(".pane").evaluate("(pane) => { pane.scrollTop = 0; }")


def test_shift_and_click_sorts_by_a_second_column(visit, site):
    with visit(site) as page:
        page.open("#/latents?sort=sae&columns=density,error", ".row")
        head = page.page.locator("[role=columnheader]", has_text="Density").locator("button")
        head.click(modifiers=["Shift"])
        page.until("location.hash.includes('sort=sae%2C-density')")
        density = site.columns["density"]
        order = sorted(range(len(density)), key=lambda row: (site.sae[row], -density[row], row))
        shown = numbers(page, "Latent")
        assert shown == [str(site.latent[row]) for row in order[: len(shown)]]


def test_the_file_of_the_rows_is_the_rows(visit, site):
    with visit(site) as page:
        page.open("#/latents?q=sae:w40&columns=error&sort=latent", ".row")
        with page.page.expect_download() as waiting:
            page.page.get_by_text("Save these rows").click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [int(row["latent"]) for row in rows] == list(range(40))
        assert [row["name"] for row in rows] == site.names[:40]
        values = [float(row["error"] or "nan") for row in rows]
        np.testing.assert_array_equal(np.float32(values), site.columns["error"][:40])
        assert list(rows[0])[-3:] == ["error", "error_lo", "error_hi"]
        cells = page.page.evaluate("['=1', '+1', '-x', '@a', 'a\"b', -1].map(csvCell)")
        assert cells == ["'=1", "'+1", "'-x", "'@a", '"a""b"', "-1"]


def test_the_three_questions_by_clicks(visit, site):
    """The latent with the largest error contribution, what it fires on, and the main claim."""
    with visit(site) as page:
        page.open()
        page.page.get_by_text("The latent with the largest error contribution").click()
        page.page.locator(".numbers").wait_for()
        assert page.route == site.latent_route(1)
        assert "90.0 % 81.0 – 99.0" in " ".join(" ".join(page.texts(".numbers dd")).split())
        assert page.page.locator(".window .t.peak").count() == 6
        page.page.go_back()
        door = page.page.locator(".door", has_text="the main claims")
        page.until("document.querySelectorAll('.door .verdict').length === 2")
        assert "Much of the error is linear." in door.text_content()
        door.get_by_text("Little is nonlinear.").click()
        page.page.locator(".claims").wait_for()
        assert page.texts(".claims .verdict") == ["holds", "undecided", "not testable here"]
        assert page.texts(".claims .marked h2") == ["Little is nonlinear."]
        links = page.page.locator(".claims .marked a")
        assert [link.get_attribute("href") for link in links.all()] == [
            "index.html#claim-a_paper-little",
            "../tables/a_paper/one.csv",
            "../tables/a_paper/two.csv",
        ]
        assert page.page.locator(".claims li").last.locator("a").count() == 1


def test_the_three_questions_by_keys(visit, site):
    with visit(site) as page:
        page.open()
        keys = page.page.keyboard
        keys.press("/")
        keys.type("err>0.5")
        keys.press("Enter")
        page.page.locator(".row").wait_for()
        assert found(page) == f"1 of {len(site.sae)}"
        keys.press("Enter")
        page.page.locator(".numbers").wait_for()
        assert page.route == site.latent_route(1)
        keys.press("Escape")
        page.page.locator(".row").wait_for()


def test_keys_walk_through_rows_and_latents(visit, site):
    with visit(site) as page:
        page.open("#/latents?q=sae:w40&sort=-latent", ".row")
        keys = page.page.keyboard
        for key in ("j", "ArrowDown", "j", "k"):
            keys.press(key)
        page.until("document.activeElement.ariaRowIndex === '4'")
        keys.press("Control+j")
        page.page.locator("#search").focus()
        keys.press("j")
        assert page.page.locator("#search").input_value() == "sae:w40j"
        keys.press("Backspace")
        keys.press("Escape")
        page.until("document.querySelector('.row.active')?.ariaRowIndex === '4'")
        keys.press("Enter")
        page.until("location.hash.endsWith('/37')")
        page.page.locator(".numbers").wait_for()
        shown = "(number) => document.querySelector('.crumbs span')?.textContent === number"
        for key, number in (("]", 36), ("[", 37), ("n", 38), ("p", 37)):
            keys.press(key)
            page.until(shown, str(number))
        keys.press("x")
        keys.press("n")
        page.until(shown, "38")
        keys.press("x")
        page.page.locator(".compare h1").nth(1).wait_for()
        keys.press("?")
        page.page.locator("main.view-help").wait_for()
        keys.press("t")
        assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.page.reload()
        page.page.locator("main h1").wait_for()
        assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_latent_shows_its_contexts_by_stratum(visit, site):
    with visit(site) as page:
        page.open(site.latent_route(1), ".window")
        heads = [" ".join(text.split()) for text in page.texts(".stratum h3")]
        assert heads[0] == "Strongest"
        assert heads[1] == "0–10 % of its maximum40.0 % of its firings"
        assert page.texts(".peak-value") == ["4.00", "0.31", "0.63", "1.41", "2.35", "3.45"]
        first = page.page.locator(".window").first
        assert first.locator(".t").count() == 21
        first.focus()
        page.page.keyboard.press("ArrowRight")
        assert "4.00 · 18" in first.locator(".readout").text_content()
        assert page.page.locator(".hist.marked").count() == 1
        page.page.locator(".contexts select").last.select_option("all")
        page.until("document.querySelector('.window').querySelectorAll('.t').length === 59")
        page.page.get_by_label("first positions").check()
        page.until("document.querySelector('.window').querySelectorAll('.t.early').length === 5")
        assert page.page.locator(".logits li").count() == 20
        assert page.page.locator(".nearest tbody tr").count() == len(site.saes) - 1
        assert "not measured" in page.page.locator(".panel", has_text="Explanation").text_content()


def test_a_latent_that_never_fires_says_so(visit, site):
    row = int(np.flatnonzero(site.columns["density"] == 0)[0])
    with visit(site) as page:
        page.open(site.latent_route(row), ".contexts, .missing")
        assert (
            "This latent never fired on the 708 tokens" in page.page.locator("main").text_content()
        )


def test_contexts_are_shaded_by_the_error_where_it_was_taken_apart(visit, site):
    hues = """() => [...document.querySelector('main .window').querySelectorAll('.t')].map(
        (token) => [...token.classList].find((name) => /^h[0-9]$/.test(name)) ?? 'none')"""
    with visit(site) as page:
        page.open(site.latent_route(0), "main .window")
        by_activation = page.page.evaluate(hues)
        page.page.locator("main .contexts select").first.select_option("error")
        page.page.locator("main .scale", has_text="60 % missed").wait_for()
        # Windows are of positions 8 to 28: 8 to 15 sixteenths, and again from none.
        steps = [-(-9 * (at % 16) // 15) for at in range(8, 29)]
        assert page.page.evaluate(hues) == [f"h{each}" for each in steps] != by_activation
        page.page.locator("main .window .t").nth(3).hover()
        assert "44 % missed" in page.texts("main .window .readout")[0]
        page.page.locator("main .window .t").nth(7).hover()
        assert "60 % or more missed" in page.texts("main .window .readout")[0]
        page.page.locator("main .contexts select").first.select_option("activation")
        page.page.locator("main .scale", has_text="max").wait_for()
        assert page.page.evaluate(hues) == by_activation
        rows = (site.sae == len(site.saes) - 1) & (site.columns["density"] > 0)
        page.go(site.latent_route(int(np.flatnonzero(rows)[0])), "main .crumbs bdi:has(.mark)")
        page.page.locator("main .contexts").wait_for()
        assert page.texts("main option[disabled]") == ["error of the SAE: not taken apart"]


def test_a_square_of_the_picture_has_the_latents_that_it_says(visit, site):
    edges = 0
    with visit(site) as page:
        page.open("#/latents", ".bin")
        total = page.page.locator(".bin").count()
        # The first and the last ones are at the lowest and the highest values.
        for at in (0, 1, 2, total // 2, total - 2, total - 1):
            page.go("#/latents", f".count:text('{len(site.sae)} of')")
            square = page.page.locator(".bin").nth(at)
            count = square.locator("title").text_content().split()[0]
            square.dispatch_event("click")
            page.until("location.hash.includes('density')")
            page.until(
                "(text) => document.querySelector('.count').textContent.trim() === text",
                f"{count} of {len(site.sae)}",
            )
            edges += "%3E0" in page.route
    assert edges


def test_novel_is_what_stitching_says(visit, site):
    novel = int(np.flatnonzero(site.columns["novel"] == 1)[0])
    with visit(site) as page:
        page.open(site.latent_route(novel), "main .badge:text('novel')")
        assert page.texts("main .said .badge") == ["novel"]
        probe = "main .numbers div:has(dt:text-is('Probe'))"
        assert page.texts(f"{probe} dd")[0].strip() == "−4.000"
        unlike = np.isnan(site.columns["novel"]) & (site.columns["cosine"] < NOVEL_BELOW)
        page.go(
            site.latent_route(int(np.flatnonzero(unlike & (site.columns["density"] > 0))[0])),
            "main .badge:text('unlike all others')",
        )
        assert not [text for text in page.texts("main .badge") if "novel" in text]
        page.page.locator("main .others summary").click()
        assert page.texts("main .others .missing") == [f"Probe: not measured: {UNPROBED}"]
        assert not page.texts(probe)


def test_what_an_explanation_misses_is_shown(visit, site):
    with visit(site) as page:
        page.open(site.latent_route(0), "main .misses")
        assert page.texts("main .misses small") == ["9 of the 120 tested contexts, the 2 strongest"]
        assert page.texts("main .misses .peak-value") == ["3.14"] * SHOWN_MISSES
        (note,) = page.texts("main .misses .note")
        assert note.endswith("it fires in 13 % of the tested contexts.")
        assert len(page.texts("main .window")) == 6 + SHOWN_MISSES
        page.go(site.latent_route(1), "main .crumbs span:text-is('1')")
        page.page.locator("main .contexts").wait_for()
        assert not page.texts("main .misses")


def test_panels_say_what_their_numbers_mean_and_why_they_have_none(visit, site):
    with visit(site) as page:
        page.open(site.latent_route(0), "main blockquote")
        assert "chance is 0.5" in page.texts("main .panel:has(blockquote) .note")[0]
        rows = (site.sae == len(site.saes) - 1) & (site.columns["density"] > 0)
        panel = "main .panel:has(h2:text('Promoted and suppressed')) .missing"
        page.go(site.latent_route(int(np.flatnonzero(rows)[0])), panel)
        assert page.texts(panel) == [f"not measured: {NO_LOGITS}"]


def test_shares_have_their_unit_on_a_page_and_on_a_phone(visit, site):
    with visit(site) as page:
        page.open(site.route("sae", SITE, "topk-w64"), ".nearest")
        assert all(text.endswith(" %") for text in page.texts("main .nearest td.number"))
        page.page.set_viewport_size({"width": 390, "height": 844})
        page.go("#/latents?q=err>0.5", "main .row")
        unit = """(key) => getComputedStyle(
            document.querySelector(`main .row [data-label="${key}"]`), '::after').content"""
        assert page.page.evaluate(unit, "Error contribution") == '" %"'
        assert page.page.evaluate(unit, "Cosine") == "none"


def test_stitching_says_what_there_is_of_a_latent_elsewhere(visit, site):
    said = {}
    with visit(site) as page:
        page.open(site.latent_route(0), "main .contexts")
        for sae in (0, 1):
            for latent in range(6):
                row = int(np.flatnonzero((site.sae == sae) & (site.latent == latent))[0])
                page.go(site.latent_route(row), f"main .crumbs span:text-is('{latent}')")
                page.page.locator("main .said, main .panel .missing").first.wait_for()
                said[sae, latent] = [
                    " ".join(text.split()) for text in page.texts("main .said > p")
                ]
        panel = "main .panel:has(h2:text-is('In a smaller or larger SAE')) .missing"
        reasons = []
        for number in (int(np.flatnonzero(site.sae == n)[0]) for n in (2, 1)):
            page.go(site.latent_route(number), panel)
            reasons += page.texts(panel)
    words = {key: lines[1].split(" ")[0] for key, lines in said.items() if lines}
    assert [words.get((1, n)) for n in range(6)] == [None, "novel", "1-1", "split", "merged", "n-m"]
    assert [words.get((0, n)) for n in range(6)] == [None, "alone", "1-1", "split", "merged", "n-m"]
    assert said[1, 3][1] == "split with 3 more it is like one latent of topk-w40."
    assert said[0, 3][1] == "split 4 latents of topk-w64 are like it."
    assert said[1, 4][1] == "merged 3 latents of topk-w40 are like it."
    assert "group of 4 latents of topk-w64 and 3 of topk-w40" in said[1, 5][1]
    assert said[1, 1][2].startswith("Nearest there, at a cosine of 0.8750: 2")
    assert said[1, 1][3].endswith("−0.50 %: −0.250 −0.375 to −0.125, of 50.0.")
    assert len(said[0, 1]) == 3  # nothing is added to a larger SAE
    assert "this run stitches other SAEs" in reasons[0]
    assert "a latent that never fires" in reasons[1]


@pytest.fixture(scope="module")
def with_meta(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("meta") / "report", meta=True)


def test_a_latent_is_taken_apart_into_meta_latents(visit, with_meta):
    site = with_meta
    row = int(np.flatnonzero(site.columns["density"][:30] > 0)[5])
    panel = "main .decomposition"
    with visit(site) as page:
        page.open(site.latent_route(row), panel)
        metas = [int(site.latent[row]) % 6, (int(site.latent[row]) + 1) % 6]
        assert [t.split()[0] for t in page.texts(f"{panel} tbody td:nth-child(1)")] == [
            "0.80",
            "0.40",
        ]
        shown = page.texts(f"{panel} tbody td:nth-child(2) a > .number")
        assert [int(t) for t in shown] == metas
        first = page.texts(f"{panel} tbody tr:first-child li > .number")
        assert first == ["0.70", "0.60", "0.50"]
        # The picture says the same: two meta-latents, three latents near both, six lines.
        assert page.page.locator(f"{panel} svg .strength").count() == 2
        assert page.page.locator(f"{panel} svg a").count() == 2 + 3
        assert page.page.locator(f"{panel} svg line").count() == 6
        page.page.locator(f"{panel} tbody td:nth-child(2) a").first.click()
        page.page.locator("main .badge", has_text="meta-latent").wait_for()
        assert page.texts("nav a[aria-current]") == ["Meta-latents"]
        members = sum(metas[0] in (n % 6, (n + 1) % 6) for n in range(40))
        note = page.texts("main .wide .note")[0]
        assert note.endswith(f"40 latents of topk-w40 that fire; {members} have this meta-latent.")
        page.go(site.latent_route(45), "main .missing")
        reason = "the meta-SAE of this run is of the latents of topk-w40 alone"
        assert f"not measured: {reason}" in page.texts(f"{panel} .missing, main .missing")


def test_meta_latents_have_a_list_of_their_own(visit, with_meta):
    site = with_meta
    with visit(site) as page:
        page.open("#/meta", "main .row")
        assert page.texts("main .count") == ["6 of 6"]
        assert "Latents with it" in page.texts("[role=columnheader]")[3]
        page.go("#/latents", "main .row")
        total = int((site.sae < len(site.saes) - 1).sum())
        assert page.texts("main .count") == [f"{total} of {total}"]
        page.go("#/saes", "main .row")
        assert page.texts("main .count") == ["4 of 4"]


def test_meta_latents_are_found_from_everywhere(visit, with_meta):
    with visit(with_meta) as page:
        for start in ("#/overview", "#/latents"):
            page.open(start)
            page.page.locator("#search").fill("is:meta")
            page.page.keyboard.press("Enter")
            page.until("location.hash.startsWith('#/meta')")
            page.page.locator("main .count:text('6 of 6')").wait_for()


def test_a_run_without_a_meta_sae_says_what_asks_for_one(visit, site):
    with visit(site) as page:
        page.open(site.latent_route(0), "main .contexts")
        said = [text for text in page.texts("main .missing") if "meta" in text]
        assert said == [
            "not measured: this run trains no meta-SAE; canonical_units.meta of the configuration asks "
            "for one"
        ]


def test_a_token_of_a_text_has_its_numbers_and_latents(visit, site):
    with visit(site) as page:
        page.open("#/texts", ".text-list a")
        assert page.page.locator(".text-list li").count() == 4
        page.page.locator(".text-list a").nth(1).click()
        page.page.locator(".running .t").nth(START + 7).click()
        page.page.locator(".token-panel").wait_for()
        assert "token=12" in page.route
        labels = page.texts(".token-panel dt")
        parts = ["error", "linear error", "nonlinear error", "nonlinear ÷ error"]
        assert labels == [*parts, "change of the loss", "active latents"]
        assert page.page.locator(".token-panel tbody tr").count() == 2
        page.page.locator(".running").focus()
        page.page.keyboard.press("ArrowRight")
        page.until("location.hash.includes('token=13')")
        page.page.get_by_label("Colour by").select_option("ce")
        page.until("document.querySelectorAll('.running [class*=\" n\"]').length > 0")
        page.page.get_by_label("beside").select_option(index=2)
        page.page.locator(".text-panel").nth(1).wait_for()


def test_saes_have_their_numbers_and_reasons(visit, site):
    with visit(site) as page:
        page.open("#/saes", ".row")
        assert found(page) == f"{len(site.saes)} of {len(site.saes)}"
        page.page.locator(".row", has_text="topk-w64").click()
        page.page.locator("dl.rows").wait_for()
        assert page.route == site.route("sae", SITE, "topk-w64")
        page.page.locator("summary").click()
        assert page.texts("details .missing") == [
            "FVU_nonlinear: not measured: it is not among the `saes` that are taken apart"
        ]


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("twice") / "report", twice=True)


def test_saes_of_one_name_are_told_apart(visit, twice):
    name, (first, *_, last) = "topk-w40", [sae["site"] for sae in twice.saes]
    with visit(twice) as page:
        page.open("#/latents?q=sae:w40&sort=latent", ".row")
        assert {text.strip() for text in page.texts(".c-sae small")} == {first, last}
        page.go(f"#/latents?q=sae:{name}%20site:{last}", ".count:text('5 of')")
        assert [text.strip() for text in page.texts(".chip.on")] == [
            f"sae:{name} ×",
            f"site:{last} ×",
        ]
        page.go("#/latents?q=sae:w64", ".count:text('64 of')")
        assert not page.texts(".c-sae small")


def test_texts_are_looked_at_with_the_sae_of_which_most_is_known(visit, twice):
    with visit(twice) as page:
        page.open("#/texts", ".text-list a")
        assert page.page.locator("main select").input_value() == "2"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fvu<0.07", ["topk-w600"]),
        ("width>=64 -w600", ["topk-w64"]),
        ('sae:"topk-w40" site:"blocks.1.hook_resid_post"', ["topk-w40"]),
        ("l0>5", []),
        ("arch:topk seed:0 w64", ["topk-w64"]),
    ],
)
def test_saes_are_searched_as_latents_are(visit, site, query, expected):
    with visit(site) as page:
        page.open("#/saes", ".row")
        page.page.locator("#search").fill(query)
        page.page.locator(f".count:text('{len(expected)} of 4')").wait_for()
        assert [text.strip() for text in page.texts(".row .c-name")] == expected


def test_a_search_of_saes_names_their_fields(visit, site):
    with visit(site) as page:
        page.open("#/saes?q=is:dead", "[role=alert]")
        (said,) = page.texts("[role=alert]")
        assert (
            said
            == "No field is called “is”; there are sae, site, model, arch, width, seed, l0, fvu."
        )


def test_a_hundred_thousand_latents_are_few_rows_in_the_page(visit, tmp_path):
    large = Site(tmp_path / "report", widths=(50_000, 50_000))
    with visit(large) as page:
        page.open("#/latents?sort=-error", ".row")
        assert found(page) == "100,003 of 100,003"
        assert page.page.locator(".row").count() <= 80
        page.page.locator(".pane").evaluate("(pane) => { pane.scrollTop = pane.scrollHeight; }")
        page.until("document.querySelector('.row:last-child').ariaRowIndex === '100004'")
        assert page.page.locator(".row").count() <= 80
