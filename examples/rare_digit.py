"""A class with few images: what a GAN adds for a classifier that knows nothing of images."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import classification_report

from gan_aug import GanAugmenter

digits, labels = load_digits(n_class=3, return_X_y=True)
X = (digits.reshape(-1, 8, 8) / 16).repeat(2, axis=1).repeat(2, axis=2).reshape(-1, 256)
train = np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate((90, 90, 12))])
test = np.setdiff1d(np.arange(len(X)), train)
more, names = GanAugmenter(random_state=0, preset="smoke").fit_resample(X[train], labels[train])
for images, known in ((X[train], labels[train]), (more, names)):
    model = HistGradientBoostingClassifier(random_state=0).fit(images, known)
    print(classification_report(labels[test], model.predict(X[test])))
