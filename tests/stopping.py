"""A checkpoint that ends a training as a kill would."""

__all__ = ["Stopping"]


class Stopping:
    """Keeps the last state, and ends the training at the first."""

    arrays = None

    def load(self):
        """Return what was kept."""
        return self.arrays

    def save(self, arrays):
        """Keep a state; the first time, end the training."""
        first, self.arrays = self.arrays is None, dict(arrays)
        if first:
            raise KeyboardInterrupt
