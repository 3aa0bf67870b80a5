"""What all subcommands have in common: the help, and how the command ends."""

import os
import subprocess
import sys
from importlib import metadata

import pytest
from stack import COMMAND

from gan_aug.errors import GateError, UserError
from gan_aug.flows.cli import main
from gan_aug.flows.cli.app import app
from gan_aug.reporting.folders import Run
from gan_aug.settings.presets import PRESETS
from gan_aug.settings.run import RunConfig

COMMANDS = [
    "anomalies",
    "clean",
    "compare",
    "data",
    "dcgan",
    "doctor",
    "run",
    "runs",
    "show",
    "study",
    "suggest",
    "up",
    "view",
]
LONGEST_HELP = 60
PANELS = ["General", "Data", "DCGAN", "Teacher", "Classifiers", "Comparison", "Output"]
SLOW_LIBRARIES = [
    "lightgbm",
    "matplotlib",
    "pandas",
    "prefect",
    "scipy.stats",
    "sklearn",
    "tensorflow",
]


@pytest.fixture
def read_lines(capsys, monkeypatch):
    """Return a reader of what the command prints, line by line."""
    monkeypatch.setenv("COLUMNS", "200")

    def read_lines(*words):
        with pytest.raises(SystemExit, match="0"):
            main(words)
        return capsys.readouterr().out.splitlines()

    return read_lines


def test_the_help_lists_every_command(read_help):
    out = read_help()
    assert sorted(command for command in app if not command.startswith("-")) == COMMANDS
    assert all(f" {command} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", ["run", "study", "dcgan", "suggest"])
def test_the_help_describes_every_preset(read_help, command):
    described, _, _ = read_help(command).partition("[choices: smoke, quick, chapter, paper]")
    _, _, described = described.partition("--preset CHOICE")
    assert [preset for preset in PRESETS if f" {preset} " in described] == list(PRESETS)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_fits_a_screen_or_two(read_lines, monkeypatch, command, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert len(read_lines(command, "--help")) <= LONGEST_HELP


def test_the_help_has_no_flag_that_the_command_refuses(read_lines):
    shown = [line.split()[0] for line in read_lines("study", "--help-all") if line.startswith("--")]
    assert "--budgets" in shown
    assert "--labels" not in shown


def test_the_help_has_panels_by_stage_and_says_where_the_rest_is(read_lines):
    lines = read_lines("run", "--help")
    assert [line.split()[0] for line in lines if line.rstrip().endswith("─")] == PANELS
    shown = {line.split()[0] for line in lines if line.startswith("--")}
    assert {"--preset", "--dataset", "--labels", "--dcgan.steps", "--arms", "--name"} <= shown
    assert "--dcgan.generator-decay" not in shown
    whole = {line.split()[0] for line in read_lines("run", "--help-all") if line.startswith("--")}
    assert shown < whole
    assert f"gan-aug run --help-all has {len(whole - shown)} more flags" in lines[-1]


@pytest.mark.parametrize("words", [["--help-all", "run"], ["run", "--seed", "3", "--help-all"]])
def test_all_of_the_help_is_there_wherever_it_is_asked_for(read_lines, words):
    assert read_lines(*words) == read_lines("run", "--help-all")


def test_every_setting_stands_in_one_panel_with_the_same_words_as_on_the_settings_page(read_lines):
    text = " ".join(" ".join(read_lines("run", "--help-all")).split())
    for argument in app["run"].assemble_argument_collection(parse_docstring=True):
        if argument.keys and argument.show:
            said = " ".join(argument.parameter.help.replace("`", "").split())
            assert said in text, argument.name
    listed = [line.split()[0] for line in read_lines("run", "--help-all") if line.startswith("--")]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("command", ["run", "study", "dcgan", "anomalies", "suggest"])
def test_less_and_more_at_once_is_refused(capsys, command):
    words = [] if command in {"run", "study"} else ["source"]
    with pytest.raises(SystemExit, match="2"):
        main([command, *words, "-q", "-v"])
    expected = "gan-aug: verbose: expected --quiet or --verbose, found both; leave one out\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    "command", ["anomalies", "doctor", "runs", "show", "suggest", "up", "view"]
)
def test_the_help_speaks_of_images_of_any_kind(read_help, command):
    assert "digit" not in read_help(command)


@pytest.mark.parametrize(
    "words", [["run", "--help"], ["run", "--help-all"], ["runs"], ["show", "gone"]]
)
def test_what_computes_nothing_waits_for_no_slow_library(words):
    script = (
        "import sys; from gan_aug.flows.cli.app import app\n"
        f"try: app({words}, result_action='return_value')\n"
        "except ValueError: pass\n"
        f"print([name for name in {SLOW_LIBRARIES} if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == metadata.version("gan-aug")


@pytest.mark.parametrize("arguments", [["nonsense"], ["show"], ["doctor", "--device", "tpu"]])
def test_nonsense_is_one_line_and_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("gan-aug: ")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("labels: expected\n more"), 2, "labels: expected more"),
        (OSError("boom"), 2, "a read, a write or a connection failed: boom"),
        (
            PermissionError(13, "Permission denied", "/here"),
            2,
            "/here: expected to read or write there, found: Permission denied",
        ),
        (GateError("the GAN collapsed"), 1, "the GAN collapsed"),
        (
            TimeoutError("60 s"),
            1,
            "timeout: 60 s; run the same command again to continue where this one stopped",
        ),
        (
            KeyboardInterrupt(),
            130,
            "interrupted; run the same command again to continue where this one stopped",
        ),
    ],
)
def test_each_kind_of_error_has_one_line_and_its_code(capsys, monkeypatch, error, code, line):
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr("gan_aug.flows.cli.app.app", fail)
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"gan-aug: {line}\n")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["runs"]])
def test_a_reader_that_goes_away_is_no_error(words, tmp_path):
    """As `head -1` does."""
    command = [COMMAND, *words]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.slow
def test_a_run_that_nobody_reads_goes_on(tmp_path, tiny_flags):
    command = [COMMAND, "run", *tiny_flags(artifacts=str(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        process.stdout.close()
    assert process.returncode == 0
    assert list(tmp_path.glob("runs/*/report.html"))


def complete(folder, words):
    """Return what bash offers for the last of the words, in a folder."""
    script = folder / "gan-aug"
    installed = [COMMAND, "--install-completion", "--shell", "bash", "--output", script]
    subprocess.run(installed, env=os.environ | {"HOME": str(folder)}, check=True)
    program = f"""
        source {script}
        COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        $(complete -p gan-aug | grep -o -- '-F [^ ]*' | cut -c4-)
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{COMMAND.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", program],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["gan-aug", "sho"], "show"),
        (["gan-aug", "run", "--dcgan.st"], "--dcgan.steps"),
        (["gan-aug", "run", "--help-a"], "--help-all"),
    ],
)
def test_bash_completes_commands_and_flags(tmp_path, words, expected):
    assert expected in complete(tmp_path, words)


@pytest.mark.parametrize("command", ["show", "view", "anomalies"])
def test_bash_completes_names_of_runs(tmp_path, command):
    for artifacts, name in (("artifacts", "mnist-one"), ("artifacts", "other"), ("far", "mnist")):
        Run.open(tmp_path / artifacts, name, RunConfig())
    assert complete(tmp_path, ["gan-aug", command, "mni"]) == ["mnist-one"]
    assert complete(tmp_path, ["gan-aug", command, "''"]) == ["latest", "mnist-one", "other"]
    there = ["gan-aug", command, "--artifacts", "far", "m"]
    assert complete(tmp_path, there) == ["mnist"]


def test_bash_completes_nothing_where_there_is_no_run(tmp_path):
    assert complete(tmp_path, ["gan-aug", "show", "''"]) == []
