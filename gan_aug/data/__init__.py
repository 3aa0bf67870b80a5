"""Real images: read, verified, split, or of any kind for a DCGAN alone."""
