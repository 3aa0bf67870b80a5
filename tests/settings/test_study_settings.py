import pytest
from pydantic import ValidationError

from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig


def test_a_study_lists_its_runs_draw_by_draw():
    config = StudyConfig(budgets=(100, 1000, "all"), draws=(3, 2, 1), run=RunConfig(seed=7))
    assert [(run.labels, run.seed) for run in config.list_runs()] == [
        (100, 7),
        (1000, 7),
        ("all", 7),
        (100, 8),
        (1000, 8),
        (100, 9),
    ]
    assert len(StudyConfig(budgets=(100, 1000), draws=(5,)).list_runs()) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"budgets": ()},
        {"budgets": (1,)},
        {"budgets": (50, 50)},
        {"draws": (1, 2, 3)},
        {"draws": (0,)},
    ],
)
def test_a_grid_that_is_none_is_refused(wrong):
    with pytest.raises(ValidationError):
        StudyConfig(**wrong)
