"""The teacher that is trained to say the same of every view of an image."""

from typing import Annotated

from pydantic import Field

from gan_aug.settings.base import Count, Rate, Share, StageConfig

__all__ = ["ConsistencyConfig"]


class ConsistencyConfig(StageConfig):
    """A network that learns to say the same of every view of an image."""

    updates: Count = Field(800, description="Updates of the network, in each round.")
    rounds: Annotated[int, Field(ge=1, le=10)] = Field(
        1,
        description="Times that a network is trained; after each, labels spread again by its "
        "features, for the next to learn from.",
    )
    warmup: Share = Field(
        0.2,
        description="Share of the updates that learn from the labels that spread along the graph "
        "of neighbours; the others learn from what the network itself says.",
    )
    neighbors: Annotated[int, Field(ge=1, le=100)] = Field(
        12,
        description="Nearest images, by the encoder's features, that labels spread to from an "
        "image.",
    )
    trusted_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8,
        description="Share of the images of a class, the surest of them, whose spread labels are "
        "learned from at most.",
    )
    most_wrong: Share = Field(
        0.05,
        description="Fewer are learned from where more than this share of the labels that were "
        "held out came out wrong among images as sure.",
    )
    spread_say: Share = Field(
        0.5,
        description="How much the spread label of an image counts in its target beside what the "
        "network itself says of it, once it is asked.",
    )
    size_slack: Annotated[float, Field(ge=0)] = Field(
        0.2,
        description="By how much a class may be larger or smaller than its share of the labels "
        "says, before spread labels and the network's word are rebalanced; give more where the "
        "unlabeled images are of other proportions than the labeled ones.",
    )
    labeled_batch_size: Count = Field(32, description="Labeled images per update.")
    batch_size: Count = Field(128, description="Unlabeled images per update.")
    learning_rate: Rate = Field(
        2e-3, description="Adam's first learning rate; it falls to zero along a cosine."
    )
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.995,
        description="Memory of the running average of the weights, which is asked for targets and "
        "comes back in the end, per update.",
    )
