"""gan-aug from Python: a sampler for imbalanced-learn, and the whole comparison in one call."""

import os

# TensorFlow reads it when it is imported, and is silent then; a value in the environment wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
