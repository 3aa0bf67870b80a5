"""What training sets are called where people read; files, flags and terminals have their names.

Titles are not in :data:`gan_aug.arms.ARMS`: its source is part of the key of every training, so
that another word there would train everything anew.
"""

from collections.abc import Mapping

__all__ = ["ARM_TITLES"]

ARM_TITLES: Mapping[str, str] = {
    "original": "original",
    "gan": "GAN images",
    "shift": "transformed copies",
    "gan+shift": "GAN images and transformed copies",
    "real_pool": "pseudo-labeled real images",
    "gan+real_pool": "GAN and pseudo-labeled real images",
    "synthetic_only": "GAN images alone",
    "repeat": "repeated originals",
    "class_weight": "class weights",
    "oversample": "oversampling",
}
"""Arm → its title, within a sentence; every arm has one."""
