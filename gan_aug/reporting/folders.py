"""The folders that people get: ``<artifacts>/runs/<name>/`` of a run, and the like.

They know names and formats of files; :mod:`gan_aug.reporting.contents` knows what goes into them.
"""

import base64
import contextlib
import fnmatch
import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ValidationError

from gan_aug.classifiers import CLASSIFIERS
from gan_aug.errors import UserError
from gan_aug.evaluation.anomaly import AnomalyResult
from gan_aug.evaluation.comparison import SPLITS, Comparison, Score
from gan_aug.evaluation.gates import Baseline
from gan_aug.evaluation.runs import FinishedRun, Guesses
from gan_aug.evaluation.study import StudyResult
from gan_aug.execution import Output
from gan_aug.images import Indices, Labels, PseudoLabels
from gan_aug.reporting.page import render_page
from gan_aug.reporting.render import Shown
from gan_aug.settings.anomalies import AnomalyConfig
from gan_aug.settings.names import check_name, is_name, is_reserved
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from gan_aug.store.files import (
    Array,
    atomic_file,
    read_arrays,
    remove_leftovers,
    write_arrays,
    write_json,
    write_rows,
)
from gan_aug.store.formats import load_keras, refuse_broken
from gan_aug.store.store import Entry
from gan_aug.teachers import TEACHERS

if TYPE_CHECKING:
    import keras

    from gan_aug.reporting.figures import Panel

__all__ = [
    "LATEST",
    "Anomalies",
    "PicturesDcgan",
    "ReportFolder",
    "Run",
    "RunSummary",
    "Study",
    "complete_name",
    "find_run",
    "is_run",
    "list_names",
    "list_results",
    "list_runs",
    "load_network",
    "make_name",
]

logger = logging.getLogger(__name__)

CONFIG_FILE = "config.json"
ENVIRONMENT_FILE = "environment.json"
BASELINE_FILE = "baseline.json"
COMPARISON_CSV = "comparison.csv"
RANKING_CSV = "anomalies.csv"
EVALUATION_CSV = "evaluation.csv"
SYNTHETIC_FILE = "synthetic.npz"
PREDICTIONS_FILE = "predictions.npz"
STAGES_FILE = "stages.json"
TEMPERATURE_FILE = "temperature.json"
QUALITY_FILE = "quality.json"
SAMPLES_FOLDER = "samples"
LATEST = "latest"
LAST_SAMPLES = "samples"
REPORT_FILE = "report.md"
PAGE_FILE = "report.html"
LOG_FILE = "run.log"
PICTURE = r"!\[(?P<description>(?:\\.|[^]\\])*)\]\((?P<file>[\w./-]+\.(?:png|svg))\)"
# Names of pictures, or their beginnings.
ESSENTIAL_PICTURES = ("comparison", "gains", "data", "training", "gan_history", "learning_curves")
MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}

Config = TypeVar("Config", bound=BaseModel)


LONGEST_SOURCE = 40


@dataclass(frozen=True)
class ReportFolder:
    """A folder with settings, an environment, a report and its pictures.

    Attributes:
        path: The folder.
        kind: What it is, for people.
        home: The folder of all of its kind, below the artifacts.
        result_file: Written last: its presence says "finished".
        results: What is written after the report, the result file among it.
    """

    path: Path
    kind: ClassVar[str]
    home: ClassVar[str]
    result_file: ClassVar[str]
    results: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def open(cls, artifacts: Path, name: str, config: BaseModel) -> Self:
        """Begin, or go on in the folder of the same name and settings.

        It is unfinished from here on, until everything is written anew.

        Raises:
            UserError: The name is not one, or belongs to other settings.
            OSError: The folder can't be written.
        """
        check_name(name)
        return cls.begin(artifacts / cls.home / name, config)

    @classmethod
    def begin(cls, path: Path, config: BaseModel) -> Self:
        """Begin, or go on in a folder at any place: as :meth:`open`."""
        folder = cls(path)
        remove_leftovers(path)
        config_file = folder.path / CONFIG_FILE
        if config_file.exists() and folder.read_json(CONFIG_FILE, type(config)) != config:
            raise UserError(
                f"name: expected a new name or the settings of {cls.kind} {folder.name}, found "
                f"other settings in {config_file}; choose another --name"
            )
        if not config_file.exists():
            write_json(config_file, config.model_dump(mode="json"))
        (folder.path / cls.result_file).unlink(missing_ok=True)
        return folder

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether everything was written."""
        return (self.path / self.result_file).exists()

    @property
    def page(self) -> Path:
        """The report as one HTML file."""
        return self.path / PAGE_FILE

    @property
    def log(self) -> Path:
        """What was logged while it was made."""
        return self.path / LOG_FILE

    def read_json(self, name: str, model: type[Config]) -> Config:
        """Return a file's content.

        Raises:
            UserError: The file is damaged, or another version's.
        """
        path = self.path / name
        with refuse_foreign(path):
            return model.model_validate_json(path.read_bytes())

    def read_finished(self, model: type[Config]) -> Config:
        """Return the content of the result file.

        Raises:
            UserError: It is missing, damaged, or another version's.
        """
        if not self.finished:
            raise UserError(
                f"{self.name}: expected a finished {self.kind}, found no {self.result_file} in it; "
                "run it again with the same arguments to finish it"
            )
        return self.read_json(self.result_file, model)

    def write_finished(self, result: BaseModel, scores: Sequence[Score]) -> None:
        """Write scores as CSV rows, and last the result as JSON."""
        write_rows(self.path / COMPARISON_CSV, [score.to_row() for score in scores])
        write_json(self.path / self.result_file, result.model_dump(mode="json"), indent=None)

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Write what the work was done on."""
        write_json(self.path / ENVIRONMENT_FILE, environment)

    def read_environment(self) -> dict[str, Any]:
        """Return what :meth:`write_environment` wrote."""
        environment: dict[str, Any] = json.loads(
            (self.path / ENVIRONMENT_FILE).read_text(encoding="utf-8")
        )
        return environment

    def write_stages(self, outputs: Sequence[Output[Any]]) -> None:
        """Write which outputs of the store everything here was made of."""
        rows = [
            {
                "stage": output.label,
                "output": output.entry.identity,
                "seconds": output.seconds,
                "made": output.made.isoformat(),
                "reused": output.reused,
            }
            for output in outputs
        ]
        write_json(self.path / STAGES_FILE, rows)

    def read_outputs(self) -> set[str] | None:
        """Return the identities of what it was made of; None where it does not say."""
        path = self.path / STAGES_FILE
        if not path.exists():
            return None
        with refuse_broken(path, "the stages of a run", "run it again"):
            return {row["output"] for row in json.loads(path.read_text(encoding="utf-8"))}

    def list_files(self) -> list[str]:
        """Return the names of what the folder has, and is to have, beside the report."""
        told = (REPORT_FILE, PAGE_FILE, *(f"*{ending}" for ending in MEDIA_TYPES), ".*")
        found = {path.name for path in self.path.iterdir() if path.is_file()}
        files = {name for name in found if not any(fnmatch.fnmatch(name, t) for t in told)}
        return sorted({*files, *self.results})

    def write_report(self, markdown: str) -> None:
        """Write the report, and the page that it makes with its pictures, already written."""
        with atomic_file(self.path / REPORT_FILE, "w") as file:
            file.write(markdown)
        page = render_page(markdown, self.name, self.read_for_page(markdown))
        with atomic_file(self.page, "w") as file:
            file.write(page)

    def read_for_page(self, report: str) -> dict[str, str]:
        """Return what a page shows of each picture: a chart's SVG, or a ``data:`` URI."""
        return {
            file: (self.path / file).read_text(encoding="utf-8") if file.endswith(".svg") else uri
            for file, uri in self.read_pictures(report).items()
        }

    def read_report(self) -> str:
        """Return the report's Markdown, which refers to the pictures beside it."""
        return (self.path / REPORT_FILE).read_text(encoding="utf-8")

    def embed_pictures(self, report: str, limit: int | None = None) -> str:
        """Return a report of this folder with its pictures inside it, as ``data:`` URIs.

        Args:
            report: Markdown, which refers to pictures beside it.
            limit: Bytes that all pictures may take; for one that would go beyond, the text says
                where to find it. Forest plots, samples and curves of trainings come first.
        """
        carried: dict[str, str] = {}
        for file, uri in self.read_pictures(report).items():
            if limit is None or sum(map(len, carried.values())) + len(uri) <= limit:
                carried[file] = uri

        def embed(reference: re.Match[str]) -> str:
            description, file = reference["description"], reference["file"]
            if file not in carried:
                return f"*{description}: in {PAGE_FILE}.*"
            return f"![{description}]({carried[file]})"

        return re.sub(PICTURE, embed, report)

    def read_pictures(self, report: str) -> dict[str, str]:
        """Return the pictures that a report refers to, the essential ones first.

        Args:
            report: Markdown.

        Returns:
            File → ``data:`` URI.
        """
        files = [match["file"] for match in re.finditer(PICTURE, report)]
        files.sort(key=rank_picture)
        return {file: self.read_picture(file) for file in files}

    def read_picture(self, file: str) -> str:
        """Return a picture as a ``data:`` URI."""
        path = self.path / file
        encoded = base64.b64encode(path.read_bytes()).decode()
        return f"data:{MEDIA_TYPES[path.suffix]};base64,{encoded}"

    def list_report(self) -> list[str]:
        """Return the files that make up the report: pages, pictures, table, and what it is of."""
        pictures = [match["file"] for match in re.finditer(PICTURE, self.read_report())]
        others = [PAGE_FILE, REPORT_FILE, COMPARISON_CSV, CONFIG_FILE, ENVIRONMENT_FILE]
        return [*others, *dict.fromkeys(pictures)]

    def copy(self, source: Path, name: str) -> None:
        """Copy one file into the folder."""
        with source.open("rb") as original, atomic_file(self.path / name) as copy:
            shutil.copyfileobj(original, copy)

    def write_pictures(self, pictures: Mapping[str, Sequence["Panel"]]) -> dict[str, list[Shown]]:
        """Write the pictures of a report: charts as SVG, images as PNG.

        Args:
            pictures: Name → what stands beside each other under that name.

        Returns:
            Name → how the report shows it.
        """
        return {
            name: [self.write_panel(name, panel) for panel in panels]
            for name, panels in pictures.items()
        }

    def write_panel(self, name: str, panel: "Panel") -> Shown:
        """Write a picture, in whose name is its title if it has one."""
        from gan_aug.reporting.figures import to_svg  # noqa: PLC0415 - it imports matplotlib

        stem = "-".join([name, *re.findall("[a-z0-9]+", panel.title.lower())])
        if isinstance(panel.content, bytes):
            self.write_figure(stem, panel.content)
            return Shown(f"{stem}.png", panel.title)
        with atomic_file(self.path / f"{stem}.svg", "w") as file:
            file.write(to_svg(panel.content))
        return Shown(f"{stem}.svg", panel.title)

    def write_figure(self, name: str, png: bytes) -> None:
        """Write a picture of images."""
        with atomic_file(self.path / f"{name}.png") as file:
            file.write(png)

    def write_dcgan(self, dcgan: Entry, generator: "keras.Model") -> None:
        """Copy the discriminator and the history of a DCGAN, and write its generator for anybody.

        Args:
            dcgan: Its place in the store.
            generator: Of layers that any Keras has.
        """
        from gan_aug.gan import formats  # noqa: PLC0415 - it imports TensorFlow

        for name in (formats.DISCRIMINATOR_FILE, formats.HISTORY_FILE):
            self.copy(dcgan.folder / name, name)
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / formats.GENERATOR_FILE
            generator.save(file)
            self.copy(file, formats.GENERATOR_FILE)

    def write_samples(self, grids: Mapping[int, bytes]) -> None:
        """Write what a DCGAN drew on the way.

        Args:
            grids: Steps taken by then → a picture.
        """
        for step, png in grids.items():
            self.write_figure(f"{SAMPLES_FOLDER}/step-{step:06d}", png)

    def write_last_samples(self, png: bytes) -> None:
        """Write a picture of what a DCGAN drew after its training."""
        self.write_figure(LAST_SAMPLES, png)


@dataclass(frozen=True)
class Study(ReportFolder):
    """The folder of a study, ``<artifacts>/studies/<name>``."""

    kind = "study"
    home = "studies"
    result_file = "study.json"
    results = (COMPARISON_CSV, result_file)

    def read_config(self) -> StudyConfig:
        """Return the study's settings; :class:`UserError` if they can't be read."""
        return self.read_json(CONFIG_FILE, StudyConfig)

    def write_study(self, result: StudyResult) -> None:
        """Write the result as JSON, and its scores as CSV rows."""
        self.write_finished(result, result.scores)

    def read_study(self) -> StudyResult:
        """Return the result; :class:`UserError` if the study is not finished."""
        return self.read_finished(StudyResult)


@dataclass(frozen=True)
class Run(ReportFolder):
    """The folder of a run, ``<artifacts>/runs/<name>``."""

    kind = "run"
    home = "runs"
    result_file = "comparison.json"
    results = (COMPARISON_CSV, result_file)

    def read_config(self) -> RunConfig:
        """Return the run's settings; :class:`UserError` if they can't be read."""
        return self.read_json(CONFIG_FILE, RunConfig)

    def write_comparison(self, comparison: Comparison) -> None:
        """Write the comparison as JSON, and its scores as CSV rows."""
        self.write_finished(comparison, comparison.scores)

    def read_comparison(self) -> Comparison:
        """Return the comparison; :class:`UserError` if the run is not finished."""
        return self.read_finished(Comparison)

    def read_baseline(self) -> Baseline | None:
        """Return what the run of this name before left for comparison, if there was one."""
        if not (self.path / BASELINE_FILE).exists():
            return None
        return self.read_json(BASELINE_FILE, Baseline)

    def write_baseline(self, baseline: Baseline) -> None:
        """Leave what the next run of this name is compared with."""
        write_json(self.path / BASELINE_FILE, baseline.model_dump(mode="json"))

    def write_synthetic(self, pseudo: PseudoLabels) -> None:
        """Write the accepted images with labels and confidence, ready to train on."""
        accepted = pseudo.accepted
        arrays: dict[str, Array] = {
            "images": pseudo.images[accepted],
            "labels": pseudo.labels[accepted],
            "confidence": pseudo.confidence[accepted],
            "probabilities": pseudo.probabilities[accepted],
        }
        write_arrays(self.path / SYNTHETIC_FILE, arrays, compress=True)

    def write_guesses(self, guesses: Guesses) -> None:
        """Write what the held-out images are, and what each classifier takes them for."""
        truth = {f"truth/{split}": labels for split, labels in guesses.truth.items()}
        taken = {"/".join(row): classes for row, classes in guesses.classes.items()}
        write_arrays(self.path / PREDICTIONS_FILE, {**truth, **taken}, compress=True)

    def read_finished_run(self) -> FinishedRun:
        """Return what the run can be compared by.

        Raises:
            UserError: The run is not finished, or a file is damaged.
        """
        return FinishedRun(
            self.name,
            self.read_config(),
            self.read_comparison(),
            self.read_environment()["dataset"]["sha256"],
            self.read_guesses(),
        )

    def read_guesses(self) -> Guesses | None:
        """Return what :meth:`write_guesses` wrote, if it did."""
        path = self.path / PREDICTIONS_FILE
        if not path.exists():
            return None
        with refuse_broken(path, "predictions of gan-aug", "run it again"):
            arrays = {tuple(name.split("/")): array for name, array in read_arrays(path).items()}
            truth = {split: arrays.pop(("truth", split)) for split in SPLITS}
            rows = {
                (classifier, arm, split): arrays[classifier, arm, split]
                for classifier, arm, split in arrays
                if split in SPLITS
            }
        return Guesses(truth, rows)

    def load_generator(self) -> "keras.Model":
        """Return the trained generator.

        Raises:
            UserError: There is none yet, or the file is not one.
        """
        from gan_aug.gan.formats import GENERATOR_FILE  # noqa: PLC0415 - it imports TensorFlow

        return load_network(self.path / GENERATOR_FILE, "generator")

    @property
    def discriminator(self) -> Path:
        """Where the trained discriminator is, once there is one."""
        from gan_aug.gan.formats import DISCRIMINATOR_FILE  # noqa: PLC0415 - it imports TensorFlow

        return self.path / DISCRIMINATOR_FILE

    def copy_quality(self, quality: Entry) -> None:
        """Copy the judgement of the synthetic images."""
        self.copy(quality.folder / QUALITY_FILE, QUALITY_FILE)

    def copy_teacher(self, name: str, networks: Sequence[Entry], temperature: Entry | None) -> None:
        """Copy what a teacher has beside the CNN of an arm, which is copied as that arm's.

        Args:
            name: Of the teacher.
            networks: All of its networks; they are numbered from 1.
            temperature: What their logits are divided by, if that was fitted.
        """
        teacher = TEACHERS[name]
        own = enumerate(networks, start=1) if teacher.arm is None else enumerate(networks[1:], 2)
        for number, network in own:
            suffix = Path(teacher.file).suffix
            self.copy(network.folder / teacher.file, f"teacher-{number}{suffix}")
        if temperature:
            self.copy(temperature.folder / TEMPERATURE_FILE, TEMPERATURE_FILE)

    def copy_model(self, model: Entry, classifier: str, arm: str) -> None:
        """Copy a trained classifier in its native format.

        Args:
            model: The classifier.
            classifier: Name of its kind.
            arm: Name of the arm it was trained on.
        """
        file = CLASSIFIERS[classifier].file
        self.copy(model.folder / file, f"{classifier}-{arm}{Path(file).suffix}")


@dataclass(frozen=True)
class PicturesDcgan(ReportFolder):
    """The folder of a DCGAN of pictures, ``<artifacts>/dcgans/<name>``."""

    kind = "DCGAN"
    home = "dcgans"
    result_file = PAGE_FILE


@dataclass(frozen=True)
class Anomalies(ReportFolder):
    """The folder of a ranking, ``<artifacts>/anomalies/<name>``."""

    kind = "ranking"
    home = "anomalies"
    result_file = "anomalies.json"
    results = (RANKING_CSV, EVALUATION_CSV, result_file)

    def read_config(self) -> AnomalyConfig:
        """Return what was asked for; :class:`UserError` if it can't be read."""
        return self.read_json(CONFIG_FILE, AnomalyConfig)

    def write_ranking(
        self, order: Indices, scores: Array, labels: Labels, classes: Sequence[str]
    ) -> None:
        """Write index, score, label and class of every image.

        Args:
            order: ``(n,)`` places of the images in their part, in the order of the rows.
            scores: ``(n,)``, in the order of the part.
            labels: ``(n,)``, in the order of the part.
            classes: Their names, which labels are places among.
        """
        rows = [
            {
                "index": int(place),
                "score": float(scores[place]),
                "label": int(labels[place]),
                "class": classes[labels[place]],
            }
            for place in order
        ]
        write_rows(self.path / RANKING_CSV, rows)

    def write_anomalies(self, result: AnomalyResult) -> None:
        """Write the evaluation as CSV rows, and last the result as JSON."""
        separations = [*result.foreign, *result.left_out]
        write_rows(self.path / EVALUATION_CSV, [s.to_row() for s in separations])
        write_json(self.path / self.result_file, result.model_dump(mode="json"), indent=None)

    def read_anomalies(self) -> AnomalyResult:
        """Return the result; :class:`UserError` if the ranking is not finished."""
        return self.read_finished(AnomalyResult)


@dataclass(frozen=True)
class RunSummary:
    """One line of ``gan-aug runs``.

    Attributes:
        name: Folder under ``runs/``.
        config: Settings of the run.
        comparison: What it found; None until it is finished.
    """

    name: str
    config: RunConfig
    comparison: Comparison | None


def make_name(dataset: str, kind: str, config: BaseModel) -> str:
    """``mnist-study-1a2b3c4d``: the same name for the same data and settings."""
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:8]
    source = re.sub(r"[^\w.-]", "-", dataset).lstrip(".-") or "data"
    short = source.encode()[:LONGEST_SOURCE].decode(errors="ignore")
    name = f"{short}-{kind}-{digest}"
    return f"data-{name}" if is_reserved(name) else name


def rank_picture(file: str) -> int:
    """Return the place of a picture among those that a report can't do without, the others last."""
    names = (place for place, name in enumerate(ESSENTIAL_PICTURES) if file.startswith(name))
    return next(names, len(ESSENTIAL_PICTURES))


@contextlib.contextmanager
def refuse_foreign(path: Path) -> Iterator[None]:
    """Turn the complaint of a model about a file's content into one about the file."""
    try:
        yield
    except ValidationError as error:
        detail = error.errors()[0]
        field = ".".join(str(part) for part in detail["loc"])
        raise UserError(
            f"{path}: expected what this version of gan-aug writes, found: "
            f"{field and f'{field}: '}{detail['msg']}; delete the folder, or choose another --name"
        ) from None


def is_run(artifacts: Path, name: str) -> bool:
    """Whether there is a run of that name; the path of a folder is no name."""
    return is_name(name) and (artifacts / Run.home / name).is_dir()


def complete_name(artifacts: Path, text: str) -> str:
    """Return the name of the run that a text stands for; the text itself if it stands for none.

    Args:
        artifacts: Folder of the results.
        text: The name of a run, the beginning of one run's name, or ``latest``.

    Raises:
        UserError: Several runs begin so.
    """
    if is_run(artifacts, text):
        return text
    names = list_names(artifacts)
    if text == LATEST:
        return names[-1] if names else text
    found = [name for name in names if text and name.startswith(text)]
    if len(found) > 1:
        raise UserError(
            f"run: expected the name of one run or its beginning, found {text!r}, which begins "
            f"{', '.join(found)}; give more of it"
        )
    return found[0] if found else text


def find_run(artifacts: Path, text: str) -> Run:
    """Find a run by its name, by the beginning of its name, or as the ``latest``.

    Raises:
        UserError: There is no such run, or there are several.
    """
    name = complete_name(artifacts, text)
    run = Run(artifacts / Run.home / name)
    if not is_run(artifacts, name) or not (run.path / CONFIG_FILE).exists():
        names = ", ".join(list_names(artifacts)) or "none"
        raise UserError(f"run: expected one of the runs in {artifacts} ({names}), found {text!r}")
    return run


def list_names(artifacts: Path) -> list[str]:
    """Return the names of all runs, the oldest first."""
    return [path.parent.name for path in list_configs(artifacts)]


def list_configs(artifacts: Path) -> list[Path]:
    """Return the settings of all runs, those of the oldest first."""
    configs = (artifacts / Run.home).glob(f"*/{CONFIG_FILE}")
    return sorted(configs, key=lambda path: path.stat().st_mtime)


def list_results(artifacts: Path) -> list[ReportFolder]:
    """Return the folders of all runs, studies, DCGANs and rankings, the newest first."""
    folders = [
        kind(path.parent)
        for kind in (Run, Study, PicturesDcgan, Anomalies)
        for path in (artifacts / kind.home).glob(f"*/{CONFIG_FILE}")
    ]
    return sorted(folders, key=lambda folder: folder.path.stat().st_mtime, reverse=True)


def list_runs(artifacts: Path) -> list[RunSummary]:
    """Return all runs that can be read, oldest first; the others are logged."""
    summaries = []
    for path in list_configs(artifacts):
        try:
            summaries.append(summarize_run(Run(path.parent)))
        except UserError as error:
            logger.warning("left out: %s", error)
    return summaries


def summarize_run(run: Run) -> RunSummary:
    """Return the line of a run.

    Raises:
        UserError: A file is damaged, or another version's.
    """
    return RunSummary(run.name, run.read_config(), run.read_comparison() if run.finished else None)


def load_network(path: Path, what: str) -> "keras.Model":
    """Read one of a DCGAN's networks from where people keep it.

    Args:
        path: Of the file.
        what: ``generator`` or ``discriminator``, for the errors.

    Raises:
        UserError: There is none, or the file is not one.
    """
    import gan_aug.gan.networks  # noqa: F401, PLC0415 - Keras knows the layers by it; TensorFlow

    if not path.exists():
        raise UserError(f"{path}: expected a trained {what}, found none; finish the run")
    with refuse_broken(path, f"a {what} of gan-aug", "run it again"):
        return load_keras(path)
