"""A run that does not pass its gates fails, once its report is written, and tells automations."""

import logging

from prefect.events import emit_event

from gan_aug.errors import GateError
from gan_aug.evaluation.gates import Baseline, check_gates, take_baseline
from gan_aug.pipeline import Outcome
from gan_aug.reporting.folders import Run
from gan_aug.settings.evaluation import GatesConfig

__all__ = ["EVENT", "pass_gates"]

EVENT = "gan-aug.gate.failed"

logger = logging.getLogger(__name__)


def pass_gates(run: Run, config: GatesConfig, outcome: Outcome, before: Baseline | None) -> None:
    """Compare a run with the one before, and leave it for the next.

    Args:
        run: Its folder; the report is in it.
        config: The bounds.
        outcome: What it made.
        before: What the run before left.

    Raises:
        GateError: A gate is not passed. An event with the numbers was emitted.
    """
    data = outcome.data.load()
    run.write_baseline(take_baseline(outcome.comparison, data))
    if not config.enabled:
        return
    failures = check_gates(
        outcome.comparison,
        data,
        outcome.pseudo["synthetic"].load(),
        outcome.quality.load() if outcome.quality else None,
        config,
        before,
    )
    if not failures:
        return
    for failure in failures:
        logger.error("gate: %s", failure.message)
    emit_event(
        EVENT,
        resource={
            "prefect.resource.id": f"gan-aug.run.{run.name}",
            "prefect.resource.name": run.name,
        },
        payload={"run": run.name, "failures": [f.model_dump(mode="json") for f in failures]},
    )
    messages = "; ".join(failure.message for failure in failures)
    raise GateError(f"gates: {messages}; the report is {run.page}")
