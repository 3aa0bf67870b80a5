"""The DCGAN and the images it makes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_aug.settings.base import END, Count, Number, Rate, StageConfig

__all__ = ["DcganConfig", "SynthesisConfig"]


class DcganConfig(StageConfig):
    """The generator, the discriminator and how the two are trained."""

    architecture: Literal["compact", "chapter", "paper"] = Field(
        "compact",
        description="`chapter`: the networks of the book chapter. `paper`: those of the DCGAN "
        "paper. `compact`: far smaller ones.",
    )
    latent_dim: Count = Field(100, description="Length of the noise vector the generator reads.")
    generator_width: Annotated[int, Field(ge=8, lt=END, multiple_of=8)] = Field(
        64, description="Channels of the generator's first feature map; later maps have fewer."
    )
    discriminator_width: Count = Field(
        16, description="Channels of the discriminator's first feature map; later maps have more."
    )
    clusters: Number = Field(
        600,
        description="Groups of similar training images, found by k-means, that both networks are "
        "told of; 0 for none.",
    )
    condition: Literal["none", "teacher"] = Field(
        "none",
        description="`none`: groups are found without labels. `teacher`: within each class, after "
        "the teacher has named all training images; a synthetic image then comes with the class it "
        "was meant to have, and is accepted only if the teacher agrees. The DCGAN is then trained "
        "after the teacher, and anew for every draw and number of labels.",
    )
    gradient_penalty: Annotated[float, Field(ge=0)] = Field(
        0.1, description="Weight of the R1 penalty on the discriminator; 0 for none."
    )
    penalty_interval: Count = Field(
        8, description="Take the penalty every so many steps, with as many times the weight."
    )
    discriminator_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Dropout after each of the discriminator's convolutions."
    )
    feature_matching: bool = Field(
        False,
        description="Have the generator bring the mean of the discriminator's features for its "
        "images to that for real ones, instead of having its images taken for real.",
    )
    minibatch_discrimination: Number = Field(
        0,
        description="Features that tell the discriminator how close an image is to the others of "
        "its batch; 0 for none.",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.0, description="Subtract this from the discriminator's target for real images, 1."
    )
    historical_averaging: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Weight of the squared distance of both networks' weights from their mean over "
        "all steps before; 0 for none.",
    )
    virtual_batch_normalization: Number = Field(
        0,
        description="Normalize the generator's feature maps by those of a reference batch of this "
        "size, which never changes, instead of by the batch's; 0 for none.",
    )
    steps: Count = Field(12_000, description="Updates of each of the two networks.")
    batch_size: Count = Field(64, description="Real images, and as many generated ones, per step.")
    optimizer: Literal["adam", "rmsprop"] = Field("adam", description="Optimizer of both networks.")
    adam_beta_1: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.5, description="Adam's decay of the mean gradient; RMSprop has none."
    )
    generator_learning_rate: Rate = Field(1e-3, description="Learning rate of the generator.")
    discriminator_learning_rate: Rate = Field(
        1e-3, description="Learning rate of the discriminator."
    )
    generator_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="The generator's rate at step t is divided by 1 + decay * t."
    )
    discriminator_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="The discriminator's rate at step t is divided by 1 + decay * t."
    )
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9995, description="Memory of the running average of the generator's weights, per step."
    )
    interval: Count = Field(
        500, description="Steps between checkpoints; each logs losses and saves a sample grid."
    )

    @property
    def compares_images(self) -> bool:
        """Whether an image's logit depends on the other images of a batch, in training."""
        return self.architecture == "paper" or self.minibatch_discrimination > 0

    @property
    def conditioned(self) -> bool:
        """Whether each cluster is of one class."""
        return self.condition == "teacher"

    @model_validator(mode="after")
    def refuse_condition_without_clusters(self) -> Self:
        """Clusters are what the networks know of a class."""
        if self.conditioned and not self.clusters:
            raise ValueError(
                "expected clusters for the condition teacher, at least one a class, found 0; set "
                "--dcgan.clusters, or leave --dcgan.condition away"
            )
        return self

    @model_validator(mode="after")
    def refuse_penalty_of_batches(self) -> Self:
        """R1 is about the slope of one image's logit with respect to that image."""
        if self.gradient_penalty and self.compares_images:
            mixer = (
                "minibatch discrimination"
                if self.minibatch_discrimination
                else "the batch normalization of the architecture paper"
            )
            raise ValueError(
                "expected gradient-penalty 0 for a discriminator whose logits depend on the other "
                f"images of a batch, by {mixer}, found {self.gradient_penalty}; set "
                "--dcgan.gradient-penalty 0"
            )
        return self


class SynthesisConfig(StageConfig):
    """How many images the trained generator makes."""

    images: Count = Field(30_000, description="Synthetic images offered to the teacher.")
