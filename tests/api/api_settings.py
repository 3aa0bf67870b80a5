"""Settings of trainings that take seconds."""

TINY = {
    "device": "cpu",
    "labels": "auto",
    "cnn": {"updates": 60, "epochs": 0, "batch_size": 16},
    "dcgan": {
        "generator_width": 8,
        "discriminator_width": 4,
        "clusters": 10,
        "steps": 150,
        "batch_size": 16,
        "interval": 75,
    },
    "synthesis": {"images": 100},
    "pseudo_labels": {"confidence_threshold": 0.0, "per_class": 20},
    "lightgbm": {"rounds": 3},
    "comparison": {"resamples": 100},
}

# The teacher tells three digits apart, and the generator draws all of them.
SURE = TINY | {
    "cnn": TINY["cnn"] | {"updates": 250},
    "dcgan": TINY["dcgan"] | {"steps": 500, "interval": 250},
}
# For data that are no images, and for tests that need no good ones.
TOY = TINY | {
    "cnn": TINY["cnn"] | {"updates": 2},
    "dcgan": TINY["dcgan"] | {"steps": 2, "interval": 1},
}
