"""The teachers that label images: one file and one line below for each."""

from collections.abc import Mapping

from gan_aug.teachers.cnn import ORIGINAL, SHIFT
from gan_aug.teachers.consistency import CONSISTENCY
from gan_aug.teachers.sgan import SGAN
from gan_aug.teachers.teacher import Teacher

__all__ = ["TEACHERS"]

TEACHERS: Mapping[str, Teacher] = {
    teacher.name: teacher
    for teacher in (
        ORIGINAL,
        SHIFT,
        SGAN,
        CONSISTENCY,
    )
}
"""Name → teacher."""
