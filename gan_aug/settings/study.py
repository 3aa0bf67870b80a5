"""A study: runs over label budgets and draws, and their means."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from gan_aug.settings.base import END, Budget, Count, StageConfig
from gan_aug.settings.run import RunConfig

__all__ = ["StudyConfig"]

MOST_RUNS = 10_000


class StudyConfig(StageConfig):
    """A study: runs over label budgets and draws, and their means."""

    budgets: Annotated[tuple[Budget, ...], Field(min_length=1)] = Field(
        (100, 1000), description="Numbers of labels, or `all`."
    )
    draws: Annotated[tuple[Count, ...], Field(min_length=1)] = Field(
        (5,),
        description="Seeds of every budget, counted from the run's; one number for all budgets, or "
        "one for each.",
    )
    run: RunConfig = Field(
        default=RunConfig(),
        description="Settings of every run; labels and seed come from the grid.",
    )

    @model_validator(mode="after")
    def match_draws_and_budgets(self) -> Self:
        """Refuse numbers of draws that fit no budget, and a budget named twice."""
        if len(self.draws) not in {1, len(self.budgets)}:
            raise ValueError(
                f"draws: expected one number, or one for each of {len(self.budgets)} budgets, "
                f"found {len(self.draws)}"
            )
        if len(set(self.budgets)) < len(self.budgets):
            raise ValueError(f"budgets: expected each once, found {list(self.budgets)}")
        runs = sum(self.draws_per_budget)
        if runs > MOST_RUNS:
            raise ValueError(f"draws: expected at most {MOST_RUNS:,} runs in all, found {runs:,}")
        if self.run.seed + max(self.draws) > END:
            raise ValueError(
                f"seed: expected that it and {max(self.draws):,} draws stay below {END:,}, found "
                f"{self.run.seed:,}"
            )
        return self

    @property
    def draws_per_budget(self) -> tuple[int, ...]:
        """How many draws each budget has."""
        return self.draws * len(self.budgets) if len(self.draws) == 1 else self.draws

    def list_runs(self) -> list[RunConfig]:
        """Return the settings of every run, draw by draw, so that a DCGAN is trained and reused."""
        draws = self.draws_per_budget
        return [
            self.run.model_copy(update={"labels": budget, "seed": self.run.seed + draw})
            for draw in range(max(draws))
            for budget, count in zip(self.budgets, draws, strict=True)
            if draw < count
        ]
