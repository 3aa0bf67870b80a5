"""What the worker starts for each run: Prefect's engine, after TensorFlow was imported silently.

TensorFlow would write six lines on every start into the log of server and worker.
"""

import runpy

from gan_aug.quiet import hush_tensorflow, mute_native_output

if __name__ == "__main__":
    hush_tensorflow()
    with mute_native_output():
        import tensorflow  # noqa: F401 - the flow that the engine loads needs it
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
