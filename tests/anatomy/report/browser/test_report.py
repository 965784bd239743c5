"""The report in a browser: it sorts and filters, says nothing on the console, and fits a phone."""

import pytest

from tests.anatomy.report.page import hostile


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "a b#c%d ü"
    folder.mkdir()
    hostile.write_run(folder)
    hostile.write_report(folder)
    return (folder / "report" / "index.html").as_uri()


@pytest.fixture
def opened(browser, address):
    """A function that opens the page in a window of some width and theme, and what it said and asked."""
    pages = []

    def open_page(width=1280, theme="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=script,
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        pages.append((context, page))
        return page

    yield open_page
    for context, page in pages:
        assert page.said == []
        assert all(url.startswith("file:") for url in page.asked)
        context.close()


def shown(page):
    return [row.get_attribute("id") for row in page.locator("#claims-table tbody tr:visible").all()]


def test_claims_are_filtered_and_all_come_back(opened):
    page = opened()
    one, two = "claim-toy-one", "claim-toy-two"
    assert shown(page) == [one, two]
    page.locator("button.toggle.untested").click()
    assert shown(page) == [one]
    assert page.locator("#count").text_content() == "1 of 2 claims"
    page.locator("#words").fill("no such word")
    assert shown(page) == []
    page.locator("#words").fill("")
    page.locator("#paper").select_option("toy")
    assert shown(page) == [one]
    page.evaluate("(hash) => { location.hash = hash; }", f"#{two}")
    page.wait_for_timeout(100)
    assert shown(page) == [one, two]


def test_tables_are_sorted_both_ways_and_back_with_what_is_missing_last(opened):
    page = opened()
    head = page.locator("#saes-table thead th", has_text="L0")
    button = head.locator("button")

    def names():
        return page.locator("#saes-table tbody th a").all_text_contents()

    first, dead = names()
    assert dead == "dead"
    for order in ("ascending", "descending", "none"):
        button.click()
        assert head.get_attribute("aria-sort") == order
        assert names() == [first, dead]
    page.locator("#saes-table th button", has_text="SAE").first.click()
    assert names() == sorted([first, dead])


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (768, "light"), (1440, "dark")])
def test_nothing_is_wider_than_the_window(opened, width, theme):
    page = opened(width, theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.taken") is None


def test_without_script_all_of_it_is_there(opened):
    page = opened(script=False)
    assert len(shown(page)) == 2
    assert not page.locator("#filters").is_visible()
    assert page.locator("thead button").count() == 0
