"""Every view, in both themes and at two widths, by axe-core's rules for WCAG 2.2 A and AA.

axe-core comes with the package axe-playwright-python, which nothing else needs; without it these tests are left out.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.anatomy.report.browser.planted_site import SITE, Site

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async (rules) => {
  const found = await axe.run(document, { runOnly: rules });
  return {
    passed: found.passes.length,
    violations: found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, any, all, none }) =>
        `${id}: ${html.slice(0, 200)} (${[...any, ...all, ...none][0]?.message})`)),
  };
}"""


@pytest.fixture(scope="module")
def axe():
    package = find_spec("axe_playwright_python")
    if package is None:
        pytest.skip("no axe-core: the package axe-playwright-python has it")
    return (Path(package.origin).parent / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("whole") / "report", meta=True)


def routes(site):
    """Every view, and a latent of every kind."""
    alive = np.flatnonzero(site.columns["density"][:40] > 0)
    dead = np.flatnonzero(site.columns["density"][:40] == 0)[0]
    one, other = ((site.saes[0]["sae"], site.latent[row]) for row in alive[1:3])
    meta = site.saes[-1]["sae"]
    yield from (f"#/{view}" for view in ("overview", "saes", "latents", "meta", "texts", "claims"))
    yield from ("#/help", "#/nothing", "#/latents?q=densty%3C1", "#/latents?q=nothing+is+so")
    yield from (site.latent_route(row) for row in (alive[1], dead))
    yield site.route("latent", SITE, meta, 2)
    yield site.route("sae", SITE, site.saes[1]["sae"])
    yield site.route("sae", SITE, meta)
    yield site.route("text", 3, SITE, site.saes[1]["sae"], query="?token=20&by=ce")
    yield site.route("compare", SITE, *one, SITE, *other)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (360, "dark")])
def test_no_view_breaks_a_rule(visit, whole, axe, width, scheme):
    with visit(whole, color_scheme=scheme, bypass_csp=True, quiet=False) as page:
        page.page.set_viewport_size({"width": width, "height": 900})
        page.open()
        page.page.evaluate(axe)
        for route in routes(whole):
            page.page.evaluate("(hash) => { location.hash = hash; }", route)
            page.until(
                "() => document.querySelector('main h1') && !document.querySelector('main .skeleton')"
            )
            found = page.page.evaluate(RUN, RULES)
            assert found["passed"] > 10
            assert not found["violations"], route


def test_the_rules_are_looked_at(visit, whole, axe):
    with visit(whole, bypass_csp=True, quiet=False) as page:
        page.open()
        page.page.evaluate(axe)
        page.page.evaluate(
            "() => document.querySelector('main').append(document.createElement('button'))"
        )
        assert any("button-name" in each for each in page.page.evaluate(RUN, RULES)["violations"])
