"""What an operator sees: the Prefect UI of a real `gan-aug up`, in a real browser."""

import contextlib
import os
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError
from stack import find_free_port, listen, start_stack

from gan_aug.flows.server.plan import Plan

SMOKE = "augment/smoke"
OFTEN = [{"slug": "often", "interval": 30}]
MILLISECONDS = 30_000
TRIES = 3
# Pictures of the pages go there: `GAN_AUG_SCREENSHOTS=docs/ui pytest tests/ui`.
SCREENSHOTS = os.environ.get("GAN_AUG_SCREENSHOTS")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(browser, tmp_path_factory):
    """A stack whose smoke runs are due all the time."""
    folder, home = (tmp_path_factory.mktemp(name) for name in ("folder", "home"))
    deployments = yaml.safe_load(Plan().deployments.read_text())
    [smoke] = [d for d in deployments["deployments"] if d["name"] == "smoke"]
    smoke["schedules"] = OFTEN
    smoke["parameters"]["config"] |= {"device": "cpu"}
    plan = home / "often.yaml"
    plan.write_text(yaml.safe_dump(deployments))
    with start_stack(folder, "--deployments", plan, home=home, port=find_free_port()) as stack:
        yield stack


@pytest.fixture(scope="module")
def scheduled_runs(stack):
    """The first two runs that the schedule started, which then ends."""

    def list_completed():
        with stack.connect() as client:
            runs = client.read_flow_runs(
                flow_run_filter=FlowRunFilter(state={"name": {"any_": ["Completed"]}}),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            )
        return [run for run in runs if run.auto_scheduled]

    stack.wait_until(lambda: len(list_completed()) >= 2)
    with stack.connect() as client:
        client.pause_deployment(client.read_deployment_by_name(SMOKE).id)
    return list_completed()[:2]


@pytest.fixture
def page(browser, stack):
    """A page without what is on the internet; whatever it wants from there fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 960}, base_url=stack.url)
    page.set_default_timeout(MILLISECONDS)
    expect.set_options(timeout=MILLISECONDS)
    wanted = []
    page.on("requestfailed", lambda request: wanted.append(request.url))
    yield page
    page.close()
    assert not [url for url in wanted if not url.startswith((stack.url, "ws"))]


def take_picture(page, name):
    if SCREENSHOTS:
        page.wait_for_timeout(2000)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def find_artifact(stack, key, run):
    with stack.connect() as client:
        [artifact] = [
            a for a in client.read_artifacts() if a.key == key and a.flow_run_id == run.id
        ]
    return f"/artifacts/artifact/{artifact.id}"


def test_a_scheduled_run_starts_on_its_own_and_is_seen_with_its_stages(page, stack, scheduled_runs):
    first, _ = scheduled_runs
    page.goto("/runs")
    page.get_by_role("link", name=first.name).first.click()
    expect(page.get_by_text("auto-scheduled").first).to_be_visible()
    expect(page.get_by_text("DCGAN: step 60 of 60").first).to_be_attached()
    take_picture(page, "run")
    page.get_by_text("Task Runs", exact=True).click()
    expect(page.get_by_text("DCGAN · 60 steps").first).to_be_visible()


def test_the_second_run_shows_its_stages_as_cached(page, scheduled_runs):
    _, second = scheduled_runs
    page.goto(f"/runs/flow-run/{second.id}")
    page.get_by_text("Task Runs", exact=True).click()
    expect(page.get_by_text("DCGAN · 60 steps").first).to_be_visible()
    expect(page.get_by_text("Cached", exact=True).nth(2)).to_be_attached()
    take_picture(page, "cached")


def test_the_report_has_tables_and_decoded_pictures(page, stack, scheduled_runs):
    first, _ = scheduled_runs
    page.goto(find_artifact(stack, "augment-report", first))
    samples = page.get_by_role("img", name="Generated images at six steps of the training")
    samples.scroll_into_view_if_needed()
    pictures = page.eval_on_selector_all("img[alt]", "all => all.map(i => i.naturalWidth)")
    assert len(pictures) >= 4
    assert all(width > 0 for width in pictures)
    expect(page.locator("table").nth(1)).to_be_attached()
    take_picture(page, "report")


def test_the_table_is_shown_as_one(page, stack, scheduled_runs):
    first, _ = scheduled_runs
    page.goto(find_artifact(stack, "augment-comparison", first))
    expect(page.get_by_role("columnheader", name="classifier")).to_be_visible()
    expect(page.get_by_text("lightgbm", exact=True)).to_have_count(4)
    take_picture(page, "table")


def submit_form(page, fill):
    """Fill in a form and submit it; again where the page still was not ready for it."""
    form = page.url
    for _ in range(TRIES):
        fill()
        page.get_by_role("button", name="Submit").click()
        with contextlib.suppress(AssertionError):
            expect(page).not_to_have_url(form, timeout=MILLISECONDS)
            return
    raise AssertionError(f"the form was not submitted in {TRIES} tries")


def test_the_form_starts_a_run_with_other_parameters(page, stack, scheduled_runs):
    with stack.connect() as client:
        deployment = client.read_deployment_by_name(SMOKE)
        client.resume_deployment(deployment.id)
        for schedule in deployment.schedules:
            client.delete_deployment_schedule(deployment.id, schedule.id)
    stack.wait_until_idle(SMOKE)
    page.goto(f"/deployments/deployment/{deployment.id}/run")
    labels = page.get_by_text("Labeled training images to use, as many of every class")
    expect(labels).to_be_visible()
    take_picture(page, "form")
    field = labels.locator("xpath=following::input[@type='number'][1]")
    submit_form(page, lambda: field.fill("50"))

    def find_started():
        with stack.connect() as client:
            return [r for r in client.read_flow_runs() if not r.auto_scheduled]

    stack.wait_until(find_started)
    [run] = find_started()
    assert stack.wait_for_end(run.id).is_completed()
    config = run.parameters["config"]
    assert (config["labels"], config["dcgan"]["steps"]) == (50, 60), "also what the form hides"
    [folder] = stack.artifacts.glob("runs/digits-50-labels-*")
    assert (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"labels": "many"}, "labels"),
        ({"dcgan": {"steps": 0}}, "steps"),
        ({"arms": ["nonsense"]}, "arms"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_the_form_refuses_what_no_run_can_take(stack, change, field):
    with pytest.raises(PrefectHTTPStatusError, match=field):
        stack.start_run(SMOKE, config={"dataset": "digits"} | change)


def test_what_only_the_run_can_see_is_refused_before_any_stage(stack):
    """Two settings that each are valid, and together are not."""
    config = {"dataset": "digits", "labels": 100_000}
    stack.wait_until_idle(SMOKE)
    run = stack.start_run(SMOKE, config=config, name="refused")
    state = stack.wait_for_end(run)
    assert state.is_failed()
    assert "labels" in state.message
    assert not (stack.artifacts / "runs" / "refused").exists()


def test_a_page_from_elsewhere_can_start_nothing(stack, browser, scheduled_runs):
    """A page that a user visits while the server runs: it may send, and is not obeyed."""
    with stack.connect() as client:
        smoke = client.read_deployment_by_name(SMOKE).id
        before = len(client.read_flow_runs())
    target = f"{stack.url}/api/deployments/{smoke}/create_flow_run"
    port = find_free_port()
    with listen(port, "a page"):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        for headers in ({"Content-Type": "application/json"}, {"Content-Type": "text/plain"}, {}):
            read = page.evaluate(
                """([target, headers]) => fetch(target, {method: "POST", headers, body: "{}"})
                    .then(answer => answer.text(), error => error.name)""",
                [target, headers],
            )
            assert read == "TypeError", "the browser keeps the answer from the page"
        # A body without a type is JSON to Prefect, and the browser asks nobody before it sends it.
        page.evaluate(
            """target =>
                fetch(target, {method: "POST", mode: "no-cors", body: new Blob(["{}"])})""",
            target,
        )
        form = "document.body.innerHTML = `<form method=post action=${target} enctype=text/plain>"
        page.evaluate(f"target => {{ {form}<input name='{{}}'></form>` }}", target)
        page.evaluate("document.forms[0].submit()")
        page.wait_for_load_state()
        page.close()
    with stack.connect() as client:
        assert len(client.read_flow_runs()) == before


@pytest.mark.parametrize("path", ["/api/events/out", "/api/events/in", "/api/logs/out"])
def test_a_page_from_elsewhere_hears_nothing(stack, browser, path):
    """What browsers let any page open: a WebSocket."""
    target = f"{stack.url}{path}".replace("http://", "ws://")
    port = find_free_port()

    def connect(page):
        return page.evaluate(
            """target => new Promise(done => {
                const socket = new WebSocket(target, "prefect");
                socket.onopen = () => done("open");
                socket.onerror = () => done("refused");
            })""",
            target,
        )

    with listen(port, "a page"):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        assert connect(page) == "refused"
        page.goto(f"{stack.url}/api/ready")
        assert connect(page) == "open"
        page.close()
