"""Semi-supervised augmentation: do a GAN's images make classifiers better, and how sure are we?

The domain of the pipeline. Each stage is a plain function from values to values; nothing here
knows Prefect, and only :mod:`gan_aug.store` knows file names and formats.
"""
