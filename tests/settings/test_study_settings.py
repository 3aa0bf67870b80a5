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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"draws": (10**9,)}, r"draws: expected at most 10,000 runs in all, found 2,000,000,000"),
        ({"budgets": range(2, 3000)}, r"at most 10,000 runs in all, found 14,990"),
        (
            {"run": RunConfig(seed=2**31 - 3)},
            r"seed: expected that it and 5 draws stay below 2,147,483,648, found 2,147,483,645",
        ),
    ],
)
def test_a_grid_that_nobody_can_list_or_count_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        StudyConfig(**wrong)


def test_the_last_seed_is_a_seed():
    last = StudyConfig(run=RunConfig(seed=2**31 - 5)).list_runs()[-1]
    assert RunConfig.model_validate(last.model_dump()).seed == 2**31 - 1
