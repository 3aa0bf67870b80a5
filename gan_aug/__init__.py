"""Semi-supervised augmentation with a GAN, and an honest account of what it is worth.

The domain of the pipeline. Each stage is a plain function from values to values; nothing here
knows Prefect.
"""

import os

# TensorFlow reads this once, when it is imported, and by itself leaves oneDNN off on a CPU without
# AVX512-VNNI, where it is far faster too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# LightGBM's threads wait for each other by spinning, which beside another busy process makes a
# training ten times slower; the GNU runtime spins this little before it sleeps.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
