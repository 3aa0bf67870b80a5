"""gan-aug from Python: a sampler for imbalanced-learn, and the whole comparison in one call."""

from gan_aug.quiet import hush_tensorflow

hush_tensorflow()
