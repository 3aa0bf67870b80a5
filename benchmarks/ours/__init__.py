"""gan-aug's own side of each comparison: modules for :mod:`benchmarks.worker`."""

# As in the program, before any of the modules here imports TensorFlow.
import gan_aug  # noqa: F401 - for its effect
