"""Imports TensorFlow without the lines that it writes on every start; to be imported first."""

from gan_aug.quiet import hush_tensorflow, mute_native_output

hush_tensorflow()
with mute_native_output():
    import tensorflow  # noqa: F401
