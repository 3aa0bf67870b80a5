"""What a comparison may be said to show: the one rule for runs and studies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from gan_aug.arms import ARMS, BASELINE
from gan_aug.evaluation.titles import ARM_TITLES

__all__ = [
    "EFFECTS",
    "FEWEST_IMAGES",
    "LEFT_OUT",
    "TRIAL",
    "TRIAL_AHEAD",
    "UNTOLD",
    "Difference",
    "Effect",
    "Wording",
    "capitalize",
    "check_agreement",
    "check_spread",
    "choose_wording",
    "find_doubt",
    "name_effect",
]

Effect = Literal[
    "hurts", "helps", "makes no detectable difference to", "is left out for", "can't be told"
]
LEFT_OUT: Effect = "is left out for"
UNTOLD: Effect = "can't be told"
EFFECTS: tuple[Effect, ...] = (
    "hurts",
    "helps",
    "makes no detectable difference to",
    LEFT_OUT,
    UNTOLD,
)
"""Bad news first."""
COUNTED: Mapping[Effect, str] = {
    "hurts": "hurts in",
    "helps": "helps in",
    "makes no detectable difference to": "makes no detectable difference in",
    LEFT_OUT: "is left out in",
    UNTOLD: "can't be judged in",
}

# A percentile interval of fewer images covers less than it says.
FEWEST_IMAGES = 30
TRIAL = "this was a trial, too brief for its numbers to mean anything"
TRIAL_AHEAD = "this is a trial, too brief for its numbers to mean anything"


class Difference(BaseModel):
    """Accuracy of an arm minus that of a baseline, for one classifier.

    Attributes:
        difference: In [-1, 1]; positive where the arm is better.
        low: Lower end of its interval.
        high: Upper end.
        doubt: Why no effect can be told; None where one can.
        left_out: Whether the arm adds nothing to the training set of the baseline.
    """

    model_config = ConfigDict(frozen=True)

    difference: float
    low: float
    high: float
    doubt: str | None = None
    left_out: bool = False

    @property
    def effect(self) -> Effect:
        """What may be said of the arm."""
        return LEFT_OUT if self.left_out else name_effect(self.low, self.high, self.doubt)


def name_effect(low: float, high: float, doubt: str | None) -> Effect:
    """Say what an interval shows of an arm.

    Args:
        low: Lower end of the interval of the difference from a baseline.
        high: Upper end.
        doubt: As from :func:`find_doubt`.
    """
    if doubt is not None:
        return UNTOLD
    if high < 0:
        return "hurts"
    return "helps" if low > 0 else "makes no detectable difference to"


def find_doubt(
    *, trial: bool, images: int, constants: Sequence[str], degenerate: str | None
) -> str | None:
    """Return why a comparison carries no verdict; None where it carries one.

    Args:
        trial: Whether the settings are too brief for their results to mean anything.
        images: Held-out images that both classifiers were asked about.
        constants: Arms, of the two compared, whose classifier predicts one class for every image.
        degenerate: What is wrong with the statistics, as from :func:`check_agreement` or
            :func:`check_spread`.
    """
    if trial:
        return TRIAL
    if images < FEWEST_IMAGES:
        return f"a verdict needs at least {FEWEST_IMAGES} held-out images, and there are {images}"
    if constants:
        trained = " and on ".join(ARM_TITLES[arm] for arm in constants)
        return f"trained on {trained}, it predicts one class for every image"
    return degenerate


def check_agreement(low: float, high: float, p: float, confidence_level: float) -> str | None:
    """Return how the bootstrap and McNemar's exact test disagree; None where they agree.

    Args:
        low: Lower end of the bootstrap interval of the difference.
        high: Upper end.
        p: The test's two-sided p-value of "no difference".
        confidence_level: Coverage of the interval, in (0, 1).
    """
    interval_rejects = low > 0 or high < 0
    test_rejects = p < 1 - confidence_level
    if interval_rejects == test_rejects:
        return None
    test, interval = ("no difference", "one") if interval_rejects else ("a difference", "none")
    return f"McNemar's exact test finds {test} (p = {p:.2g}) where the interval finds {interval}"


def check_spread(differences: NDArray[np.float64]) -> str | None:
    """Return why draws have no interval; None where they have one.

    Draws that all find the same difference have an interval of no width around it.

    Args:
        differences: ``(draws,)``, two or more.
    """
    if np.allclose(differences, differences[0]) and not np.allclose(differences, 0):
        return f"all {len(differences)} draws find the same difference, which gives no interval"
    return None


@dataclass(frozen=True)
class Wording:
    """How sentences tell what an arm does, beside a baseline.

    Attributes:
        subject: What does it.
        phrases: Effect → what follows the subject; of :data:`UNTOLD`, a whole clause. With places
            for ``classifier`` and ``amount``.
        lead: What the sentence begins with.
    """

    subject: str
    phrases: Mapping[Effect, str]
    lead: str = ""

    def tell(self, effect: Effect, classifier: str, amount: str = "accuracy") -> str:
        """Return what follows the subject; a whole clause where nothing can be told.

        Args:
            effect: What may be said.
            classifier: As sentences name it.
            amount: How much, if the effect is one.
        """
        return self.phrases[effect].format(classifier=classifier, amount=amount)

    def count(self, effects: Sequence[Effect]) -> str:
        """Say how often each effect is found: ``GAN augmentation helps in 5 of 8 comparisons``.

        The most frequent effect comes first, and bad news of equally frequent ones.
        """
        counts = sorted(((e, effects.count(e)) for e in EFFECTS), key=lambda found: -found[1])
        [(first, most), *others] = [found for found in counts if found[1]]
        lead = f"{self.subject} {COUNTED[first]}"
        if not others:
            every = "both" if most == 2 else f"all {most}"
            return f"{capitalize(lead)} {every} comparisons."
        told = [f"{lead} {most} of {len(effects)} comparisons"]
        told += [f"{COUNTED[effect]} {count}" for effect, count in others]
        return capitalize(f"{', '.join(told[:-1])} and {told[-1]}.")

    def join(self, phrases: Sequence[tuple[Effect, str]]) -> str:
        """Join effects and their phrases into a sentence, doubts last."""
        told = "; ".join(phrase for effect, phrase in phrases if effect != UNTOLD)
        untold = [phrase for effect, phrase in phrases if effect == UNTOLD]
        clauses = [f"{self.subject} {told}", *untold] if told else untold
        return f"{capitalize(self.lead + '; '.join(clauses))}."


def choose_wording(arm: str, baseline: str) -> Wording:
    """Return how to tell what an arm does beside a baseline."""
    if baseline == BASELINE:
        subject = "GAN augmentation" if arm == "gan" else f"augmentation with {ARM_TITLES[arm]}"
        return Wording(
            subject,
            {effect: f"{effect} {{classifier}}" for effect in EFFECTS}
            | {UNTOLD: f"what {subject} does to {{classifier}} {UNTOLD}"},
        )
    return Wording(
        "synthetic images",
        {
            "hurts": "cost {classifier} {amount}",
            "helps": "add {amount} to {classifier}",
            "makes no detectable difference to": "add nothing detectable to {classifier}",
            LEFT_OUT: "are left out for {classifier}",
            UNTOLD: f"what synthetic images add to {{classifier}} {UNTOLD}",
        },
        lead=f"beyond {ARMS[baseline].adds}, ",
    )


def capitalize(sentence: str) -> str:
    """Begin a sentence with a capital letter; the rest of it stays."""
    return sentence[:1].upper() + sentence[1:]
