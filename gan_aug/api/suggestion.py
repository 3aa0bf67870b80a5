"""Which images to label, in one call."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_aug.api.inputs import read_images
from gan_aug.api.session import Session, open_session
from gan_aug.data.load import Unlabeled
from gan_aug.data.pictures import Pictures, describe_pictures, make_pictures
from gan_aug.errors import UserError
from gan_aug.images import Indices, Shape
from gan_aug.memory import refuse_excess
from gan_aug.representation.selection import check_room, describe_suggestion
from gan_aug.settings.presets import Preset, resolve_suggestion_config
from gan_aug.settings.suggestion import MethodName, SuggestionConfig

__all__ = ["choose_pictures", "suggest"]


def suggest(  # noqa: PLR0913 - which images, and how to go about it
    X: Any,  # noqa: N803 - scikit-learn's name
    n: int,
    *,
    labeled: Any = (),
    method: MethodName = "medoids",
    seed: int = 0,
    preset: Preset = "quick",
    settings: Mapping[str, Any] | None = None,
    cache: str | os.PathLike[str] | None = None,
    verbose: int = 1,
) -> Indices:
    """Find the images whose labels would help most.

    The function trains an encoder on all images, without labels, and chooses images by its
    features. It writes no files unless you ask for them.

    Args:
        X: ``(n, s, s)``, ``(n, s, s, 1)``, ``(n, s, s, 3)``, ``(n, 1 or 3, s, s)`` or rows
            ``(n, s*s)``: images, as whole numbers from 0 to 255 or floats from 0 to 1 or from -1
            to 1.
        n: How many to choose.
        labeled: Places of images that have a label, or ``(len(X),)`` booleans that mark them; the
            others are chosen to go with them.
        method: ``medoids``: the middle of each of so many clusters. ``k-centre``: images as far
            from each other as can be. ``random``: a plain draw, without an encoder.
        seed: Of the encoder and of the choice.
        preset: Settings to start from, as of ``gan-aug suggest``.
        settings: Settings to change, nested: ``{"encoder": {"steps": 500}}``.
        cache: Folder that keeps the encoder, and the checkpoint of a training that you interrupt.
            The next round takes the encoder from there.
        verbose: 0 shows nothing; 1 shows a bar for what takes long.

    Returns:
        ``(n,)`` different places in ``X``.

    Raises:
        UserError: A ``ValueError``: an array or a setting can't be used, or memory is short.
        pydantic.ValidationError: A ``ValueError``: a setting is unknown or out of its range.

    Example:
        >>> import numpy as np
        >>> from sklearn.datasets import load_digits
        >>> from gan_aug import suggest
        >>> X = load_digits().images.repeat(2, axis=1).repeat(2, axis=2) / 16
        >>> first = suggest(X, 10, preset="smoke", verbose=0)
        >>> more = suggest(X, 5, labeled=first, preset="smoke", verbose=0)
        >>> len(np.union1d(first, more))
        15
    """
    known = {"dataset": "arrays", "labels": n, "method": method, "seed": seed}
    config = resolve_suggestion_config(preset, known | dict(settings or {}))
    images = read_images(X)
    chosen = find_labeled(labeled, len(images))
    check_room(len(images), config.labels, len(chosen))
    pictures = make_pictures(Unlabeled("arrays", images, ()))
    return choose_pictures(pictures, config, chosen, open_session(config, cache, verbose=verbose))


def find_labeled(labeled: Any, count: int) -> Indices:
    """Return the places of labeled images, ascending, from places or marks.

    Raises:
        UserError: They are neither.
    """
    found = np.asarray(labeled)
    if found.dtype == np.bool_ and found.shape == (count,):
        return np.flatnonzero(found)
    whole = found.size == 0 or found.dtype.kind in "iu"
    if found.ndim != 1 or not whole or (found.size and not 0 <= found.min() <= found.max() < count):
        raise UserError(
            f"labeled: expected places from 0 to {count - 1}, or {count:,} booleans, found "
            f"{found.dtype} of shape {found.shape}"
            + (f" up to {found.max()}" if whole and found.size else "")
        )
    return np.unique(found).astype(np.intp)


def choose_pictures(
    pictures: Pictures, config: SuggestionConfig, chosen: Sequence[int] | Indices, session: Session
) -> Indices:
    """Return the places of the pictures to label.

    Args:
        pictures: Those of the pool.
        config: How many, and how they are chosen.
        chosen: Places of those that have a label, or were suggested before.
        session: Executes the stages.

    Raises:
        UserError: There are too few pictures, or too little memory.
    """
    check_memory(pictures.provenance.shape, len(pictures.images), config)
    data = describe_pictures(pictures.provenance, pictures)
    places = [int(place) for place in chosen]
    return session.execute(describe_suggestion(data, config, places, session.compute)).load()


def check_memory(shape: Shape, images: int, config: SuggestionConfig) -> None:
    """Refuse an encoder, or features, that do not fit into memory.

    Raises:
        UserError: It does not.
    """
    if config.method == "random":
        return
    from gan_aug.components import estimate_components  # noqa: PLC0415 - it imports scikit-learn
    from gan_aug.representation.contrastive import (  # noqa: PLC0415 - it imports TensorFlow
        estimate_encoder,
    )

    loaded = float(images * np.prod(shape))
    needs = {
        "encoder": (estimate_encoder(shape, config.encoder), "--encoder.batch-size or --side"),
        "features": (estimate_components(shape, images), "--side"),
    }
    refuse_excess({name: (loaded + size, remedy) for name, (size, remedy) in needs.items()})
