"""Speed and memory, side by side with what a user would run instead: ``make bench``.

What is timed runs in processes of its own (:mod:`benchmarks.worker`): gan-aug's side is in
:mod:`benchmarks.ours`, everybody else's in :mod:`benchmarks.peers`. This package's top level does
without TensorFlow, so that the process that takes the times leaves the cores alone.
"""
