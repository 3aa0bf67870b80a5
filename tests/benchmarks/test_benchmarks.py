import ast
import importlib.util
import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import psutil
import pytest
from keras import layers

from benchmarks import machine, speed
from benchmarks.__main__ import provide_mnist
from benchmarks.floor import count_chapter_step, count_layers, count_step, count_taps
from benchmarks.growth import CURVES, build_curve, fit_exponent
from benchmarks.interleave import Entrant, Worker, clean_environment, interleave, race, summarize
from benchmarks.memory import sum_resident
from benchmarks.ours.growth import draw_set
from benchmarks.overhead import compare_rounds
from benchmarks.quality import build_points, latest_within
from benchmarks.report import Files, phrase_duration, render_growth, render_page, write_results
from benchmarks.results import (
    CnnTraining,
    Contender,
    DcganStep,
    Floor,
    Growth,
    LightgbmTraining,
    Machine,
    Memory,
    Peak,
    Quality,
    Results,
    Stamp,
    read_results,
)
from benchmarks.speed import (
    check_same,
    measure_cnn_training,
    measure_dcgan_step,
    measure_lightgbm_training,
)
from gan_aug.gan.layers import UpsampledConv2D
from gan_aug.gan.networks import build_discriminator, build_generator
from gan_aug.settings.presets import resolve_config

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "artifacts" / "benchmarks.json"


def ignore_unit(_name, _done, _total):
    """Tell nobody."""


def build(*stack):
    return keras.Sequential(stack)


def meet(layer, input_shape):
    """Multiply-adds of a layer, counted by what it computes.

    With all weights 1, an input of ones gives in every output value the number of pairs that meet.
    """
    model = build(keras.Input(input_shape), layer)
    kernel, *bias = layer.get_weights()
    layer.set_weights([np.ones_like(kernel), *map(np.zeros_like, bias)])
    return round(float(np.sum(model(np.ones((1, *input_shape), np.float32)).numpy()))), model


@pytest.mark.parametrize(
    ("image", "kernel", "stride"), [*itertools.product((4, 7, 28), (3, 4, 5), (1, 2))]
)
def test_taps_are_pairs_inside_the_image(image, kernel, stride):
    result = -(-image // stride)
    before = max((result - 1) * stride + kernel - image, 0) // 2
    pairs = sum(
        0 <= position * stride + tap - before < image
        for position in range(result)
        for tap in range(kernel)
    )
    assert count_taps(image, result, kernel, stride) == pairs


@pytest.mark.parametrize(
    ("layer", "input_shape"),
    [
        (layers.Dense(5), (7,)),
        (layers.Conv2D(4, 5, padding="same"), (7, 7, 3)),
        (layers.Conv2D(4, 5, strides=2, padding="same"), (7, 7, 3)),
        (layers.Conv2D(2, 4, strides=2, padding="same"), (8, 6, 3)),
        (layers.Conv2DTranspose(3, 5, padding="same"), (6, 7, 2)),
        (layers.Conv2DTranspose(3, 4, strides=2, padding="same"), (7, 5, 2)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layers_count_what_they_compute(layer, input_shape):
    computed, model = meet(layer, input_shape)
    assert count_layers(model) == [computed]


def test_an_upsampled_convolution_counts_folded_or_as_it_is_meant():
    computed, model = meet(UpsampledConv2D(4), (7, 7, 3))
    assert count_layers(model, fold=False) == [computed]
    # Nine taps in each of four phases; those of the outermost pixels are partly outside.
    assert count_layers(model) == [4 * (3 * 7 - 2) ** 2 * 3 * 4]


def test_layers_that_cannot_be_counted_are_refused():
    with pytest.raises(TypeError, match="expected a layer that can be counted"):
        count_layers(build(keras.Input((4,)), layers.EinsumDense("ab,bc->ac", 3)))


def test_a_step_counts_each_product_once():
    generator = build(keras.Input((3,)), layers.Dense(5), layers.Dense(7))
    discriminator = build(keras.Input((7,)), layers.Dense(2), layers.Dense(1))
    g1, g2, d1, d2 = 3 * 5, 5 * 7, 7 * 2, 2 * 1
    once = (2 * g1 + 3 * g2) + 2 * (2 * d1 + 3 * d2) + d1
    assert count_step(generator, discriminator, 10) == 10 * once
    chapter = (g1 + g2) + 2 * (2 * d1 + 3 * d2) + (2 * g1 + 3 * g2) + 3 * (d1 + d2)
    assert count_chapter_step(generator, discriminator, 10) == 10 * chapter


def test_the_chapters_networks_are_those_that_are_counted():
    config = resolve_config("chapter").dcgan
    networks = build_generator(config, (28, 28, 1)), build_discriminator(config, (28, 28, 1))
    assert [network.count_params() for network in networks] == [2_394_241, 4_311_553]
    ours, chapters = (count(*networks, 256) for count in (count_step, count_chapter_step))
    assert 1.5 < chapters / ours < 4


def test_the_exponent_is_that_of_the_largest_sizes():
    sizes = [100, 1_000, 10_000, 100_000]
    assert fit_exponent(sizes, [n**1.5 for n in sizes]) == (pytest.approx(1.5), 1_000)
    overhead = [1 + 1e-6 * n**2 for n in sizes]
    assert fit_exponent(sizes, overhead) == (pytest.approx(2, abs=0.01), 10_000)


def test_the_exponent_of_constant_time_is_zero_and_uses_two_sizes():
    assert fit_exponent([1, 10, 100], [2, 2, 2]) == (pytest.approx(0, abs=1e-9), 10)


def test_workers_take_turns():
    order = []

    class Recorder:
        def __init__(self, name):
            self.name = name

        def run_unit(self, request="unit"):
            order.append(self.name)
            return float(len(order))

    seconds = interleave({"a": Recorder("a"), "b": Recorder("b")}, 3, ignore_unit)
    assert order == ["a", "b"] * 3
    assert seconds == {"a": [1, 3, 5], "b": [2, 4, 6]}


def test_ratios_are_taken_round_by_round():
    contender = summarize("b", [2, 4, 10], [1, 1, 1], {})
    assert (contender.median_seconds, contender.ratio) == (4, 0.25)
    assert (contender.lowest_ratio, contender.highest_ratio) == (0.1, 0.5)


@pytest.fixture
def workload(tmp_path):
    """A module that squares what it is asked for, and prints where only replies may go."""
    (tmp_path / "squares.py").write_text(
        "def run(pause, *, start):\n"
        "    total = start\n"
        "    print('noise')\n"
        "    while (request := pause()) is not None:\n"
        "        total += int(request) ** 2\n"
        "    return {'total': total}\n"
    )
    (tmp_path / "broken.py").write_text("def run(pause):\n    raise ValueError('no luck')\n")
    return {"PYTHONPATH": str(tmp_path)}


def test_a_worker_does_what_it_is_asked_for(workload):
    with Worker.start(Entrant("squares", "squares", {"start": 1}, workload)) as worker:
        assert worker.run_unit("2") >= 0
        assert worker.run_unit("3") >= 0
        assert worker.finish() == {"total": 14}


def test_a_worker_that_fails_says_why(workload):
    with (
        pytest.raises(RuntimeError, match="no luck"),
        Worker.start(Entrant("broken", "broken", {}, workload)),
    ):
        pass


def test_a_peer_that_is_not_installed_is_left_out(tmp_path):
    entrants = {
        "gan_aug": Entrant("gan-aug", "unused", required="no_such_module"),
        "peer": Entrant("peer", "unused", python=tmp_path / "python", required="os"),
    }
    contenders = race(entrants, 1, ignore_unit)
    assert [contender.unit_seconds for contender in contenders.values()] == [[], []]


class SeenError(Exception):
    """Nobody has to be timed any more."""


@pytest.mark.parametrize(
    "measure", [measure_dcgan_step, measure_cnn_training, measure_lightgbm_training]
)
def test_everyone_who_is_to_be_timed_is_there(measure, monkeypatch):
    def look(entrants, *_):
        assert all(importlib.util.find_spec(entrant.module) for entrant in entrants.values())
        raise SeenError

    monkeypatch.setattr(speed, "race", look)
    with pytest.raises(SeenError):
        measure(1, ignore_unit)


def test_peers_start_without_this_projects_settings(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    assert "TF_ENABLE_ONEDNN_OPTS" not in clean_environment()


@pytest.mark.parametrize(
    "path",
    [*(ROOT / "benchmarks" / "peers").glob("*.py"), ROOT / "benchmarks" / "worker.py"],
    ids=lambda path: path.stem,
)
def test_peers_do_without_gan_aug(path):
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", None), *(alias.name for alias in node.names))
        if name
    }
    assert not {name for name in imported if name.startswith("gan_aug")}
    own = {name for name in imported if name.startswith("benchmarks")}
    assert own <= {"benchmarks.worker", "benchmarks.peers"}


def test_contenders_must_agree():
    same = {name: Contender(title=name, facts={"parameters": 7}) for name in "ab"}
    check_same({**same, "missing": Contender(title="missing")}, "parameters")
    with pytest.raises(RuntimeError, match="expected the same"):
        check_same({**same, "c": Contender(title="c", facts={"parameters": 8})}, "parameters")


def test_the_memory_of_this_process_is_seen():
    assert sum_resident(psutil.Process()) > 2**20


QUALITY_POINTS = build_points(
    [100, 200, 300],
    [200.0, 230.0, 430.0],
    {"floor": 3, "step_100": 9, "step_200": 12, "step_300": 6},
)


def test_quality_counts_when_it_was_reached():
    assert [point.ratio for point in QUALITY_POINTS] == [3, 4, 2]
    assert [latest_within(QUALITY_POINTS, minutes) for minutes in (1, 4, 8)] == [None, 4, 2]


@pytest.fixture
def results():
    """Every part, PyTorch missing."""
    stamp = Stamp(commit="abc", date="2026-01-02", versions={"python": "3.11.7"})

    def against(name):
        facts = {"validation_accuracy": 0.98, "rounds": 100}
        return {
            "gan_aug": summarize("gan-aug", [1, 1, 2], [1, 1, 2], facts),
            name: summarize(name, [2, 4, 4], [1, 1, 2], facts),
        }

    return Results(
        machine=Machine(cpu_model="Some CPU", cores=2, cpu_flags=["avx2"], memory_gib=8),
        commit="abc",
        dcgan_step=DcganStep(
            stamp=stamp,
            precision="float32",
            ratio_vs_chapter=0.5,
            ratio_vs_chapter_onednn=0.6,
            ratio_vs_pytorch=None,
            ratio_vs_floor=1.5,
            floor=Floor(
                multiply_adds=10**11,
                chapter_multiply_adds=3 * 10**11,
                multiply_adds_per_second=1e11,
                fastest_product="NumPy 2048×2048×2048",
                seconds=1,
            ),
            contenders={**against("chapter"), "pytorch": Contender(title="PyTorch, eager")},
        ),
        cnn_training=CnnTraining(
            stamp=stamp,
            images_per_unit=9984,
            ratio_vs_keras_fit=0.5,
            contenders=against("keras_fit"),
        ),
        lightgbm_training=LightgbmTraining(
            stamp=stamp,
            images_per_unit=10_000,
            ratio_vs_lightgbm_defaults=0.2,
            contenders=against("lightgbm_defaults"),
        ),
        quality=Quality(
            stamp=stamp,
            precision="float32",
            judge_accuracy=0.994,
            floor=3,
            points=QUALITY_POINTS,
            targets={4: 4, 7: 2.8},
            reached={minutes: latest_within(QUALITY_POINTS, minutes) for minutes in (4, 7)},
        ),
        memory=Memory(
            stamp=stamp,
            usual=Peak(preset="quick", images=30_000, peak_gib=2.5, peak_process_gib=2.25),
            curve=[
                Peak(preset="smoke", images=n, peak_gib=1 + n / 2**20, peak_process_gib=1)
                for n in (2**10, 2**20)
            ],
            target_gib=3,
        ),
        growth=Growth(
            stamp=stamp,
            rounds=3,
            curves=[build_curve(plan, [1e-3 * size for size in plan.sizes]) for plan in CURVES],
        ),
    )


def test_results_come_back_from_json(results, tmp_path):
    path = tmp_path / "benchmarks.json"
    path.write_text(results.model_dump_json())
    assert read_results(path) == results
    assert read_results(tmp_path / "nothing.json") is None


def test_the_page_tells_all_parts(results):
    page = render_page(results)
    assert "**0.50** (0.25 to 0.50)" in page
    assert "| PyTorch, eager | not installed |" in page
    assert "3.00 times as many" in page
    assert "| `quick` | 30,000 | **2.50 GiB** | 2.25 GiB |" in page
    assert "| `smoke` | 1,048,576 | **2.00 GiB** | 1.00 GiB |" in page
    assert "The\ntarget is 3 GiB; it is met." in page
    assert "rises by 1,024 bytes an image" in page
    assert "Within 4 minutes: 4.0 × the floor; the target of 4.0 × is met." in page
    assert "Within 7 minutes: 4.0 × the floor; the target of 2.8 × is missed." in page
    assert page.count("**1.00** |") == len(CURVES)


def test_another_machine_gets_files_of_its_own(results, tmp_path):
    committed = write_results(results, tmp_path)
    assert committed.page == tmp_path / "docs" / "performance.md"
    assert write_results(results, tmp_path) == committed
    page, json = committed.page.read_text(), committed.json.read_text()

    other = Results(machine=results.machine.model_copy(update={"cpu_model": "Other (R) CPU @ 2"}))
    own = write_results(other, tmp_path)
    assert own.page.parent == own.json.parent
    assert own.page.parent.parent == tmp_path / "artifacts" / "benchmarks"
    assert own.page.parent.name.startswith("other-r-cpu-2-")
    assert read_results(own.json) == other
    assert (committed.page.read_text(), committed.json.read_text()) == (page, json)

    wider = other.machine.model_copy(update={"memory_gib": 1.5})
    assert Files.of(wider, tmp_path).json != own.json


def test_a_busy_machine_is_told_of_and_marked_on_the_page(results, monkeypatch, capsys):
    times = SimpleNamespace(idle=60.0, iowait=5.0, steal=10.0)
    monkeypatch.setattr(psutil, "cpu_times_percent", lambda _seconds: times)
    busy = machine.stamp(("numpy",))
    assert (busy.busy, busy.stolen) == (0.25, 0.1)
    warning = "on a busy machine: 25% of its time went to other work, and 10% to other machines"
    assert warning in capsys.readouterr().err
    assert warning not in render_page(results)
    memory = results.memory.model_copy(update={"stamp": busy})
    assert f"**{warning}" in render_page(results.model_copy(update={"memory": memory}))

    monkeypatch.setattr(psutil, "cpu_times_percent", lambda _seconds: SimpleNamespace(idle=95.0))
    assert machine.stamp(("numpy",)).warning is None
    assert capsys.readouterr().err == ""


def test_without_mnist_one_line_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "dcgan_step"],
        cwd=ROOT,
        env=os.environ | {"GAN_AUG_MNIST": "gone.npz"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "gone.npz" in line


@pytest.mark.skipif("GAN_AUG_MNIST" not in os.environ, reason="there may be no MNIST here")
def test_peers_find_the_images_that_a_run_would_use(monkeypatch):
    named = os.environ["GAN_AUG_MNIST"]
    monkeypatch.setenv("GAN_AUG_MNIST", named)
    with np.load(named) as expected, provide_mnist():
        assert os.environ["GAN_AUG_MNIST"] != named
        with np.load(os.environ["GAN_AUG_MNIST"]) as found:
            for name in ("x_train", "y_train", "x_test", "y_test"):
                np.testing.assert_array_equal(found[name], expected[name])


def test_the_page_leaves_out_what_was_not_measured(results):
    page = render_page(Results(machine=results.machine))
    assert "Some CPU" in page
    assert "##" not in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (208.4, "208 s"), (11.44, "11.4 s"), (2, "2.00 s"), (0.0131, "13.1 ms")],
)
def test_durations_have_three_digits(seconds, text):
    assert phrase_duration(seconds) == text


def test_as_many_labels_as_images_are_all_of_them(digits):
    assert len(draw_set(digits.train, len(digits.train))) == len(digits.train)


def test_the_growth_is_plotted(results):
    assert render_growth(results.growth).startswith(b"\x89PNG")


@pytest.mark.skipif(not COMMITTED.exists(), reason="no benchmarks have been committed")
def test_the_page_is_that_of_the_committed_results():
    page = render_page(read_results(COMMITTED))
    assert (ROOT / "docs" / "performance.md").read_text() == page


def test_what_a_flow_adds_is_compared_within_rounds():
    added, share = compare_rounds([11.0, 22.0, 36.0], [10.0, 20.0, 30.0])
    assert added == 2.0
    assert share == pytest.approx(0.1)
