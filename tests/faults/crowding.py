"""Make the same run in several processes at once, and write what each stage cost as JSON.

A script: TensorFlow must not have computed anything in the process that forks.
"""

import json
import multiprocessing
import sys
from collections import Counter
from pathlib import Path

from tiny_run import compute_run, read_results

FORK = multiprocessing.get_context("fork")


def main(folder: Path, count: int) -> None:
    """Make the runs, and tell how they ended and how often each output was made."""
    artifacts = folder / "artifacts"
    ledgers = [folder / f"ledger-{number}" for number in range(count)]
    processes = [FORK.Process(target=compute_run, args=(artifacts, ledger)) for ledger in ledgers]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    lines = [line.split() for ledger in ledgers for line in ledger.read_text().splitlines()]
    made = Counter(identity for identity, reused in lines if reused == "False")
    exits = [process.exitcode for process in processes]
    stages = {identity for identity, _ in lines}
    compute_run(folder / "alone", folder / "ledger")
    same = read_results(artifacts) == read_results(folder / "alone")
    told = {"exits": exits, "stages": len(stages), "made": sum(made.values()), "same": same}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
