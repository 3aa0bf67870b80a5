"""The whole comparison in one call."""

import base64
import functools
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_aug.api.inputs import Pair, open_caller_arrays
from gan_aug.api.session import Session, open_session
from gan_aug.arms import check_arms
from gan_aug.data.dataset import describe_dataset, resolve_budget
from gan_aug.data.load import build_dataset
from gan_aug.images import PseudoLabels
from gan_aug.settings.presets import Preset, resolve_config
from gan_aug.settings.run import RunConfig

if TYPE_CHECKING:
    import keras
    import pandas as pd
    from PIL.Image import Image

    from gan_aug.evaluation.comparison import Comparison
    from gan_aug.pipeline import Outcome

__all__ = ["Augmentation", "augment"]

SHOWN_SAMPLES = "samples"


@dataclass(frozen=True)
class Augmentation:
    """What a comparison found, and everything that was made for it.

    Attributes:
        config: All settings.
        outcome: The outputs of all stages.
        call: The call that made it, for people.
        session: Keeps the outputs.
    """

    config: RunConfig
    outcome: "Outcome"
    call: str
    session: Session

    @property
    def comparison(self) -> "Comparison":
        """All scores, with their intervals."""
        return self.outcome.comparison

    @property
    def verdict(self) -> str:
        """The answer in a sentence."""
        return self.comparison.verdict

    @functools.cached_property
    def table(self) -> "pd.DataFrame":
        """A row for each classifier, arm and split.

        ``difference``, ``low`` and ``high`` are shares of images in [-1, 1]: the accuracy minus
        that of ``original`` on the same images, and its interval; ``p`` is of McNemar's exact test.
        """
        import pandas as pd  # noqa: PLC0415 - half a second, and only needed here

        return pd.DataFrame([describe_score(score) for score in self.comparison.scores])

    @functools.cached_property
    def synthetic(self) -> PseudoLabels:
        """The generated images, the teacher's probabilities, and which were accepted."""
        return self.outcome.pseudo["synthetic"].load()

    @functools.cached_property
    def generator(self) -> "keras.Model":
        """The trained generator: ``(n, latent_dim)`` noise → images in [0, 1]."""
        generator: keras.Model = self.outcome.dcgan.load().generator
        return generator

    @functools.cached_property
    def pictures(self) -> "dict[str, Image]":
        """The pictures of the report by their names, and ``samples``, 64 generated images."""
        from PIL import Image  # noqa: PLC0415 - only needed here

        from gan_aug.reporting.contents import draw_run  # noqa: PLC0415 - seconds to import

        return {name: Image.open(io.BytesIO(png)) for name, png in draw_run(self.outcome).items()}

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write what the folder of a run has: report, pictures, models, images, scores.

        Args:
            folder: Made if it is missing; files of an earlier call with the same settings are
                replaced.

        Returns:
            The folder.

        Raises:
            UserError: It has the results of other settings.
            OSError: It can't be written.
        """
        from gan_aug.reporting.contents import fill_run  # noqa: PLC0415 - seconds to import
        from gan_aug.reporting.environment import describe_environment  # noqa: PLC0415
        from gan_aug.reporting.folders import Run  # noqa: PLC0415

        run = Run.begin(Path(folder), self.config)
        provenance = self.outcome.data.load().provenance
        run.write_environment(describe_environment(self.session.compute, provenance))
        fill_run(run, self.outcome, command=self.call)
        return run.path

    def _repr_html_(self) -> str:
        """Return verdict, table and samples, as a notebook shows them."""
        from html import escape  # noqa: PLC0415

        png = io.BytesIO()
        self.pictures[SHOWN_SAMPLES].save(png, format="png")
        source = base64.b64encode(png.getvalue()).decode()
        table = self.table.to_html(index=False, float_format="{:.4f}".format, na_rep="")
        return (
            f"<p><b>{escape(self.verdict)}</b></p>{table}"
            f'<img alt="64 generated images" src="data:image/png;base64,{source}">'
        )


def describe_score(score: Any) -> dict[str, Any]:
    """Return a row of the table."""
    paired = score.versus_original
    return {
        "classifier": score.classifier,
        "arm": score.arm,
        "split": score.split,
        "images": score.n_train,
        "accuracy": score.accuracy,
        "balanced_accuracy": score.balanced_accuracy,
        "macro_f1": score.macro_f1,
        "log_loss": score.log_loss,
        "difference": paired.difference if paired else None,
        "low": paired.low if paired else None,
        "high": paired.high if paired else None,
        "p": paired.mcnemar_p if paired else None,
    }


def augment(  # noqa: PLR0913 - the parts of the data, and how to go about it
    X: Any,  # noqa: N803 - scikit-learn's name
    y: Any,
    X_unlabeled: Any = None,  # noqa: N803
    *,
    validation: Pair | None = None,
    test: Pair | None = None,
    preset: Preset = "quick",
    settings: Mapping[str, Any] | None = None,
    cache: str | os.PathLike[str] | None = None,
    verbose: int = 1,
) -> Augmentation:
    """Find out whether images of a GAN make classifiers better on your data.

    The function trains a DCGAN on all images, has a teacher label what it generates, trains the
    classifiers on every training set (arm), and compares them on the same images. It writes no
    files unless you ask for them.

    Args:
        X: ``(n, s, s)``, ``(n, s, s, 1)``, ``(n, s, s, 3)``, ``(n, 1 or 3, s, s)`` or rows
            ``(n, s*s)``: training images, as whole numbers from 0 to 255 or floats from 0 to 1 or
            from -1 to 1.
        y: ``(n,)`` numbers or names of their classes, or one-hot rows; -1, NaN, None and ``""``
            mark unlabeled images.
        X_unlabeled: More images without labels, in the form of ``X``.
        validation: Images and labels to validate with; by default a share of the labeled ones.
        test: Images and labels to test with; by default a share of the labeled ones.
        preset: Settings to start from, as of ``gan-aug run``.
        settings: Settings to change, nested as in ``docs/settings.md``:
            ``{"labels": 100, "dcgan": {"steps": 2000}}``.
        cache: Folder that keeps finished stages, and the checkpoints of a training that you
            interrupt; the same call goes on from there.
        verbose: 0 shows nothing; 1 shows a bar for each stage that takes long.

    Raises:
        UserError: A ``ValueError``: an array or a setting can't be used, or memory is short.
        pydantic.ValidationError: A ``ValueError``: a setting is unknown or out of its range.
    """
    changes = dict(settings or {})
    config = resolve_config(preset, {"dataset": "arrays"} | changes)
    source = open_caller_arrays(X, y, X_unlabeled, validation=validation, test=test)
    loaded = build_dataset(source, config)
    provenance = loaded.provenance
    config = config.model_copy(update={"labels": resolve_budget(config.labels, provenance)})
    session = open_session(config, cache, verbose=verbose)
    from gan_aug.pipeline import plan_run, run_stages  # noqa: PLC0415 - it imports TensorFlow

    data = describe_dataset(provenance, loaded)
    plan = plan_run(session.execute, config, data, session.compute)
    check_arms(config.arms, plan.unlabeled)
    outcome = run_stages(plan, session.execute)
    call = f"gan_aug.augment(X, y, preset={preset!r}, settings={changes!r})"
    return Augmentation(config, outcome, call, session)
