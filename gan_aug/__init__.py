"""Semi-supervised augmentation with a GAN, and an honest account of what it is worth.

The domain of the pipeline. Each stage is a plain function from values to values; nothing here
knows Prefect, and only :mod:`gan_aug.store` knows file names and formats.
"""
