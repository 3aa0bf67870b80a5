import json
import os

import numpy as np
import pytest
from matplotlib.figure import Figure

from gan_aug.errors import UserError
from gan_aug.images import PseudoLabels
from gan_aug.reporting.figures import Panel
from gan_aug.reporting.folders import (
    Anomalies,
    Run,
    complete_name,
    find_run,
    is_run,
    list_runs,
    load_network,
    make_name,
)
from gan_aug.reporting.render import Shown
from gan_aug.settings.names import check_name
from gan_aug.settings.presets import resolve_config
from gan_aug.settings.run import RunConfig
from tests.reporting.outcomes import Made, make_folder


def test_a_run_is_unfinished_again_while_it_is_made_again(tmp_path):
    run = Run.open(tmp_path, "mine", RunConfig())
    (run.path / "comparison.json").write_text("old")
    assert Run.open(tmp_path, "mine", RunConfig()).path == run.path
    with pytest.raises(UserError, match="expected a finished run"):
        run.read_comparison()


def test_a_run_goes_on_under_the_same_settings_only(tmp_path):
    config = RunConfig()
    Run.open(tmp_path, "mine", config)
    Run.open(tmp_path, "mine", config)
    with pytest.raises(UserError, match="choose another --name"):
        Run.open(tmp_path, "mine", resolve_config("quick", {"seed": 5}))
    assert Run(tmp_path / "runs" / "mine").read_config() == config


def test_runs_are_listed_and_found(tmp_path):
    assert list_runs(tmp_path) == []
    run = Run.open(tmp_path, "mine", RunConfig())
    [summary] = list_runs(tmp_path)
    assert (summary.name, summary.config, summary.comparison) == ("mine", RunConfig(), None)
    assert find_run(tmp_path, "mine") == run
    with pytest.raises(UserError, match=r"\(mine\), found 'other'"):
        find_run(tmp_path, "other")
    with pytest.raises(UserError, match="expected a finished run"):
        run.read_comparison()


def test_a_run_is_found_by_the_beginning_of_its_name_and_as_the_latest(tmp_path):
    for age, name in enumerate(("mnist-5000", "mnist-100", "mnist-1000")):
        run = Run.open(tmp_path, name, RunConfig())
        os.utime(run.path / "config.json", (age, age))
    assert find_run(tmp_path, "latest").name == "mnist-1000"
    assert find_run(tmp_path, "mnist-5").name == "mnist-5000"
    assert find_run(tmp_path, "mnist-100").name == "mnist-100"
    with pytest.raises(UserError, match=r"begins mnist-5000, mnist-100, mnist-1000; give more"):
        find_run(tmp_path, "mnist")
    for text in ("", "other", "mnist-2"):
        assert complete_name(tmp_path, text) == text
        with pytest.raises(UserError, match="expected one of the runs"):
            find_run(tmp_path, text)


def test_where_there_is_no_run_none_is_the_latest(tmp_path):
    with pytest.raises(UserError, match=r"\(none\), found 'latest'"):
        find_run(tmp_path, "latest")


def test_a_run_that_is_called_latest_is_that_one(tmp_path):
    Run.open(tmp_path, "latest", RunConfig())
    Run.open(tmp_path, "newer", RunConfig())
    assert find_run(tmp_path, "latest").name == "latest"


@pytest.mark.parametrize("file", ["config.json", "comparison.json"])
@pytest.mark.parametrize("content", ["", '{"unknown": 1}', "\0\xff"])
def test_a_run_of_another_version_is_left_out_of_the_list(tmp_path, caplog, file, content):
    for name in ("broken", "whole"):
        Run.open(tmp_path, name, RunConfig())
    (tmp_path / "runs" / "broken" / file).write_text(content, encoding="latin1")
    assert [summary.name for summary in list_runs(tmp_path)] == ["whole"]
    assert f"broken/{file}: expected what this version of gan-aug writes" in caplog.text
    with pytest.raises(UserError, match=f"{file}: expected what this version"):
        run = find_run(tmp_path, "broken")
        run.read_config()
        run.read_comparison()


def test_synthetic_file_holds_the_accepted_images_only(tmp_path):
    rng = np.random.default_rng(0)
    pseudo = PseudoLabels(
        rng.integers(0, 256, (9, 28, 28)).astype(np.uint8),
        rng.dirichlet(np.ones(10), 9).astype(np.float32),
        (np.arange(9) % 2).astype(np.uint8),
    )
    Run(tmp_path).write_synthetic(pseudo)
    with np.load(tmp_path / "synthetic.npz") as file:
        np.testing.assert_array_equal(file["images"], pseudo.images[::2])
        np.testing.assert_array_equal(file["labels"], pseudo.labels[::2])
        np.testing.assert_array_equal(file["confidence"], pseudo.confidence[::2])
        assert file["images"].dtype == np.uint8


def test_a_report_can_carry_its_pictures(tmp_path):
    run = Run(tmp_path)
    run.write_figure("comparison", b"PNG")
    run.write_report("![Differences](comparison.png) and [a link](other.txt)\n")
    assert run.read_report() == "![Differences](comparison.png) and [a link](other.txt)\n"
    assert '<img src="data:image/png;base64,UE5H" alt="Differences"' in run.page.read_text()
    embedded = run.embed_pictures(run.read_report())
    assert embedded == "![Differences](data:image/png;base64,UE5H) and [a link](other.txt)\n"


def test_a_chart_is_a_file_and_a_part_of_the_page(tmp_path):
    figure = Figure()
    figure.subplots().set_title("*<b>*")
    run = Run(tmp_path)
    shown = run.write_pictures({"gains": [Panel(figure, "random forest"), Panel(b"PNG", "B")]})
    assert shown == {
        "gains": [
            Shown("gains-random-forest.svg", "random forest"),
            Shown("gains-b.png", "B"),
        ]
    }
    run.write_report('![What it "adds"](gains-random-forest.svg)\n![B](gains-b.png)\n')
    page = run.page.read_text()
    assert '<div class="pictures"><svg role="img" aria-label="What it &quot;adds&quot;"' in page
    assert "<b>" not in page
    assert "](data:image/svg+xml;base64," in run.embed_pictures(run.read_report())
    assert run.list_files() == ["comparison.csv", "comparison.json"]


def test_pictures_beyond_the_limit_are_named_and_not_carried(tmp_path):
    run = Run(tmp_path)
    for name in ("small", "large", "last"):
        run.write_figure(name, b"PNG" * (100 if name == "large" else 1))
    run.write_report("![Small](small.png) ![Large](large.png) ![Last](last.png)")
    assert run.embed_pictures(run.read_report(), limit=60) == (
        "![Small](data:image/png;base64,UE5H) *Large: in report.html.* "
        "![Last](data:image/png;base64,UE5H)"
    )


def test_samples_and_curves_are_carried_before_other_pictures(tmp_path):
    run = Run(tmp_path)
    for name in ("extremes", "training"):
        run.write_figure(name, b"PNG")
    run.write_report("![Extremes](extremes.png) ![Training](training.png)")
    assert run.embed_pictures(run.read_report(), limit=30) == (
        "*Extremes: in report.html.* ![Training](data:image/png;base64,UE5H)"
    )


def test_config_on_disk_is_plain_json(tmp_path):
    run = Run.open(tmp_path, "mine", RunConfig())
    written = json.loads((run.path / "config.json").read_text())
    assert written["dcgan"]["architecture"] == "compact"


@pytest.mark.parametrize(
    ("teacher", "networks", "expected"),
    [
        ("shift", 1, []),
        ("original", 3, ["teacher-2.keras", "teacher-3.keras"]),
        ("sgan", 2, ["teacher-1.keras", "teacher-2.keras"]),
    ],
)
def test_a_teachers_networks_are_there_beside_those_of_arms(tmp_path, teacher, networks, expected):
    made = Made(None, make_folder(tmp_path / "store"), "network")
    run = Run(tmp_path / "run")
    run.copy_teacher(teacher, [made.entry] * networks, None)
    assert sorted(path.name for path in run.path.glob("*")) == expected
    run.copy_teacher(teacher, [made.entry] * networks, made.entry)
    assert (run.path / "temperature.json").exists()


def test_classifiers_are_named_after_their_arm(tmp_path):
    made = Made(None, make_folder(tmp_path / "store"), "model")
    run = Run(tmp_path / "run")
    run.copy_model(made.entry, "cnn", "gan")
    run.copy_model(made.entry, "lightgbm", "gan+shift")
    assert {path.name: path.read_text() for path in run.path.iterdir()} == {
        "cnn-gan.keras": "cnn.keras",
        "lightgbm-gan+shift.txt": "lightgbm.txt",
    }


def test_a_ranking_names_the_class_of_every_image(tmp_path):
    order, scores, labels = np.array([1, 0]), np.array([0.5, 2.0]), np.array([0, 1], np.uint16)
    Anomalies(tmp_path).write_ranking(order, scores, labels, ("cat", "a,b"))
    assert (tmp_path / "anomalies.csv").read_text().splitlines() == [
        "index,score,label,class",
        '1,2.0,1,"a,b"',
        "0,0.5,0,cat",
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "generator.keras: expected a trained generator, found none; finish the run"),
        (b"", "generator.keras: expected a generator of gan-aug, found: .*; run it again"),
        (b"PK\x03\x04 nothing", "generator.keras: expected a generator of gan-aug, found: "),
    ],
)
def test_a_network_that_is_none_is_refused_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "generator.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=complaint):
        load_network(path, "generator")
    with pytest.raises(UserError, match=complaint):
        Run(tmp_path).load_generator()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../other",
        "a/b",
        "a\\b",
        "/absolute",
        "line\nend",
        "end\n",
        "zero\0byte",
        "a" * 300,
        "é" * 60,
        "con",
        "NUL.txt",
        "com1",
        "dot.",
        "-flag",
        ".hidden",
        "two words",
        "lone\ud800",
    ],
)
def test_a_name_that_is_a_path_or_no_name_everywhere_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"^name: expected ") as error:
        Run.open(tmp_path, name, RunConfig())
    assert str(error.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nightly", "été", "run-1.2_b", "a" * 100, "console"])
def test_other_names_are_names(tmp_path, name):
    assert Run.open(tmp_path, name, RunConfig()).path == tmp_path / "runs" / name


def test_a_folder_elsewhere_is_no_run(tmp_path):
    Run.open(tmp_path, "nightly", RunConfig())
    assert is_run(tmp_path, "nightly")
    (tmp_path / "photos").mkdir()
    for path in (str(tmp_path / "photos"), "../photos", "."):
        assert not is_run(tmp_path, path)


def test_a_name_made_of_a_long_path_is_a_name():
    check_name(make_name("a" * 255, "1000-labels-seed0", RunConfig()))
