"""Pages of reports in a real browser, without a network."""

import itertools

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from gan_aug.evaluation.study import Failure, summarize_study
from gan_aug.reporting.contents import fill_run, fill_study
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Run, Study
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from tests.reporting.outcomes import draw_dataset, make_outcome

STUDY_ARMS = ("original", "gan", "shift", "gan+shift", "real_pool", "gan+real_pool")
CLASSES = ("airplane", "a|b <b>bold</b>", "frog with a long name", "ship")
KINDS = ("run", "rgb", "study")
WIDTHS = (400, 1280, 1600)
SCHEMES = ("light", "dark")
FONTS = ("DejaVu Sans", "Liberation Sans")
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
SMALLEST_TEXT = 8  # pixels

FIND_CUT_TABLES = """all => all.filter(t => t.scrollWidth > t.clientWidth + 1)
    .map(t => t.innerText.slice(0, 60))"""
FIND_CUT_TEXTS = """all => all.filter(text => {
    const own = text.getBoundingClientRect();
    const chart = text.ownerSVGElement.getBoundingClientRect();
    return own.left < chart.left - 1 || own.right > chart.right + 1
        || own.top < chart.top - 1 || own.bottom > chart.bottom + 1;
}).map(text => text.textContent)"""
MEASURE_TEXTS = """all => Math.min(...all.map(text => {
    const { a, b } = text.getScreenCTM();
    return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b);
}))"""
OPEN_ALL = "document.querySelectorAll('details').forEach(d => { d.open = true; })"


@pytest.fixture(scope="module")
def pages(tmp_path_factory, digits, cpu):
    """The pages of a run on grey digits, of one on RGB images, and of a study."""
    home = tmp_path_factory.mktemp("pages")
    pets = draw_dataset(CLASSES, side=32, channels=3, per_class=20)

    def begin(kind, name, config, data):
        folder = kind.open(home, name, config)
        folder.write_environment(describe_environment(cpu, data.provenance))
        return folder

    run, rgb = (
        begin(Run, name, RunConfig(), data) for name, data in (("grey", digits), ("rgb", pets))
    )
    fill_run(run, make_outcome(home / "grey", digits))
    fill_run(rgb, make_outcome(home / "rgb", pets))
    outcomes = [
        make_outcome(home / f"{budget}", pets, budget=budget, arms=STUDY_ARMS)
        for budget in (100, 1000)
    ]
    scores = [score for outcome in outcomes for score in outcome.comparison.scores]
    failure = Failure(budget=100, seed=1, classifier=None, arm=None, message="<b>a | b</b>")
    config = StudyConfig(run=RunConfig(arms=STUDY_ARMS), budgets=(100, 1000))
    study = begin(Study, "study", config, pets)
    fill_study(study, summarize_study(scores, [failure], confidence_level=0.95), outcomes)
    return {"run": run.page, "rgb": rgb.page, "study": study.page}


@pytest.fixture
def open_page(browser, pages):
    """Open a page; whatever the browser complains of fails the test."""
    contexts, complaints = [], []

    def open_page(kind, width=1280, **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, offline=True, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(pages[kind].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut_at_any_width_in_any_font(open_page, kind, width):
    page = open_page(kind, width)
    page.evaluate(OPEN_ALL)
    for font in FONTS:
        page.add_style_tag(content=f"* {{ font-family: '{font}' !important; }}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.eval_on_selector_all(".table", FIND_CUT_TABLES) == []
        assert page.eval_on_selector_all("svg text", FIND_CUT_TEXTS) == []
    assert page.eval_on_selector_all("svg text", MEASURE_TEXTS) >= SMALLEST_TEXT
    pictures = page.eval_on_selector_all("img", "all => all.map(i => [i.naturalWidth, i.alt])")
    assert all(natural_width > 0 and alt for natural_width, alt in pictures)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_accessibility_engine_finds_nothing(open_page, kind, scheme):
    page = open_page(kind, color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.locator("svg:not([aria-label])").count() == 0


def test_the_study_begins_with_what_is_forwarded(open_page):
    page = open_page("study")
    first = page.locator("details").first
    order = "main > header, main > nav, main > details"
    assert page.locator(order).count() == 2 + page.locator("details").count()
    head = page.locator("header").inner_text()
    assert head.startswith("GAN augmentation of patterns with 100 and 1,000 labels")
    assert "Computed on 27 November 2026 in" in head
    assert "GAN augmentation " in head.split("\n\n")[2]
    assert "What each training set adds" in first.locator("summary").inner_text()
    above = first.locator("svg").first.bounding_box()["y"]
    assert above < first.locator("table").first.bounding_box()["y"]


def test_charts_and_page_are_dark_where_that_is_preferred_and_white_on_paper(open_page):
    page = open_page("run", color_scheme="dark")
    paper = "e => getComputedStyle(e).backgroundColor"
    for element in ("body", "svg >> nth=0"):
        assert page.locator(element).evaluate(paper) == "rgb(22, 22, 22)"
    ink = page.locator("svg text").first.evaluate("e => getComputedStyle(e).fill")
    assert ink == "rgb(232, 232, 232)"
    page.emulate_media(media="print")
    assert page.locator("body").evaluate(paper) == "rgb(255, 255, 255)"
    assert page.locator("svg").first.evaluate(paper) == "rgb(255, 255, 255)"


def test_names_and_failures_are_text_and_not_markup(open_page):
    page = open_page("study")
    assert page.get_by_role("cell", name="<b>a | b</b>").count() == 1
    page = open_page("rgb")
    assert page.locator("th", has_text="a|b <b>bold</b>").count() >= 1
    for kind in KINDS:
        page = open_page(kind)
        assert page.locator("td b, th b, script[src], [onclick]").count() == 0
        assert "<b>" not in page.locator("title").inner_text()


def test_the_page_lets_nothing_in(open_page):
    page = open_page("run")
    policy = page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
    assert policy.startswith("default-src 'none'; ")
    assert "'unsafe-inline'" not in policy.split("script-src")[1]


def test_sections_fold_by_mouse_and_keyboard_and_open_where_a_link_leads(open_page):
    page = open_page("run")
    section = page.locator("details").first
    expect(section).to_have_attribute("open", "")
    section.locator("summary").click()
    expect(section).not_to_have_attribute("open", "")
    section.locator("summary").press("Enter")
    expect(section).to_have_attribute("open", "")
    last = page.locator("details").last
    expect(last).not_to_have_attribute("open", "")
    page.get_by_role("navigation", name="Contents").get_by_text("Where this comes from").click()
    expect(last).to_have_attribute("open", "")
    expect(last.locator("pre")).to_be_visible()


def test_the_command_is_copied(open_page):
    page = open_page("run", permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(OPEN_ALL)
    button = page.get_by_role("button", name="Copy")
    button.click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("pre").inner_text().strip()
    assert copied.startswith("gan-aug run --dataset")


def test_tables_are_sorted_by_number_and_by_name(open_page):
    page = open_page("run")
    page.evaluate(OPEN_ALL)
    table = page.locator("table", has=page.get_by_role("columnheader", name="log-loss"))

    def read(column):
        return table.locator(f"tbody tr td:nth-child({column})").all_inner_texts()

    table.get_by_role("button", name="log-loss").click()
    losses = [float(text) for text in read(8)]
    assert losses == sorted(losses)
    assert table.get_by_role("columnheader", name="log-loss").get_attribute("aria-sort")
    table.get_by_role("button", name="log-loss").click()
    assert [float(text) for text in read(8)] == losses[::-1]
    table.get_by_role("button", name="classifier").click()
    assert read(1) == sorted(read(1), key=str.lower)


@pytest.mark.parametrize("kind", KINDS)
def test_without_scripts_everything_is_there(open_page, kind):
    plain = open_page(kind, java_script_enabled=False)
    scripted = open_page(kind)
    words = " ".join(scripted.locator("main").text_content().split())
    for button in ("Copy",):
        words = words.replace(button, "")
    assert words.split() == plain.locator("main").text_content().split()
    plain.locator("summary").last.click()
    expect(plain.locator("pre")).to_be_visible()
