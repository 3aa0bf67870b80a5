"""What working side by side brings is calculated from what was measured."""

from pathlib import Path

import pytest

from benchmarks.results import Machine, Stamp
from benchmarks.workers import (
    Durations,
    Measured,
    Plan,
    Trial,
    Workers,
    recommend,
    render_page,
    simulate,
    split_times,
)
from gan_aug.settings.study import StudyConfig

ROOT = Path(__file__).parent.parent.parent
COMMITTED = ROOT / "artifacts" / "workers.json"
TWO_DRAWS = [0, 0, 1, 1]


def test_what_the_runs_of_a_draw_share_is_told_from_what_each_has():
    stages = {"dataset": [2.0], "dcgan": [10, 12], "encoder": [6, 8], "cnn": [1.0] * 12}
    assert split_times(stages, draws=2) == Durations(dcgan=11, shared=8, run=3)


def test_one_worker_does_all_of_it_one_after_the_other():
    assert simulate(TWO_DRAWS, Durations(10, 5, 3), 1) == 2 * 10 + 2 * 5 + 4 * 3


def test_workers_wait_for_what_another_makes_for_their_draw():
    # Both runs of a draw begin at once; the second waits for what the first makes for both.
    assert simulate(TWO_DRAWS, Durations(10, 5, 3), 2) == 10 + 5 + 3 + 5 + 3
    assert simulate(TWO_DRAWS, Durations(10, 5, 3), 4) == 10 + 5 + 3
    assert simulate(TWO_DRAWS, Durations(10, 5, 3), 40) == 10 + 5 + 3


def build_found(alone):
    """Two cores; a process of one thread takes so many times as long as one that has both."""
    machine = Machine(cpu_model="A CPU", cores=2, cpu_flags=[], memory_gib=1.0)
    stamp = Stamp(commit="a" * 40, date="2026-11-28", versions={})

    def take(workers, threads, factor):
        stages = {"dcgan": [10 * factor] * 2, "encoder": [5 * factor] * 2, "cnn": [factor] * 12}
        trials = [Trial(seconds=40 * factor / workers, stages=stages)]
        return Measured(plan=Plan(workers=workers, threads=threads), trials=trials)

    plans = [take(1, "all", 1), take(2, "all", 2), take(2, 1, alone)]
    return Workers(machine=machine, stamp=stamp, plans=plans)


def test_threads_that_bring_nothing_are_given_to_processes():
    plan, ratio = recommend(build_found(alone=1), 4)
    assert plan.threads == 1
    assert ratio < 0.5


def test_threads_that_bring_all_they_can_are_left_to_one_process():
    one_draw = StudyConfig(budgets=(100,), draws=(1,))
    plan, ratio = recommend(build_found(alone=2), 4, one_draw)
    assert (plan, ratio) == (Plan(workers=1, threads=4), 1)


def test_the_page_tells_what_was_measured_and_what_was_calculated():
    page = render_page(build_found(alone=1.5))
    assert "| 2 | 1 | 30 | **0.75** (0.75 to 0.75) |" in page
    assert page.count("| 32 |") == 1


@pytest.mark.skipif(not COMMITTED.exists(), reason="nothing has been measured")
def test_the_committed_page_is_that_of_the_committed_numbers():
    found = Workers.model_validate_json(COMMITTED.read_bytes())
    assert (ROOT / "docs" / "workers.md").read_text() == render_page(found)
