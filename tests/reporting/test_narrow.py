import re

from gan_aug.evaluation.study import Failure, summarize_study
from gan_aug.reporting.contents import fill_study
from gan_aug.reporting.environment import describe_environment
from gan_aug.reporting.folders import Study
from gan_aug.reporting.narrow import ROOM, measure, narrow_report, split_row
from gan_aug.settings.run import RunConfig
from gan_aug.settings.study import StudyConfig
from tests.reporting.outcomes import draw_dataset, make_outcome

WIDE = "| a \\| b | " + " | ".join(f"column {number}" for number in range(9)) + " |"
RULE = "|" + "---|" * 10


def test_a_table_that_fits_stays():
    table = "| stage | took |\n|---|--:|\n| DCGAN | 3 s |"
    assert narrow_report(f"Text\n\n{table}\n\nmore\n", "page") == f"Text\n\n{table}\n\nmore\n"


def test_a_wide_table_is_a_list_and_a_long_one_is_named():
    row = "| CNN | " + " | ".join(["**+1.00** (+0.10 to +2.00)", *[""] * 8]) + " |"
    assert narrow_report("\n".join([WIDE, RULE, row]), "page") == (
        "- a \\| b CNN; column 0 **+1.00** (+0.10 to +2.00)"
    )
    long = narrow_report("\n".join([WIDE, RULE, *[row] * 13]), "report.html")
    assert long == "*A table of 13 rows by a \\| b, column 0: in report.html.*"


def test_a_wide_table_without_headings_is_a_list_of_facts():
    table = f"| | |\n|---|---|\n| SHA-256 of `x` | `{'1' * 90}` |"
    assert narrow_report(table, "page") == f"- SHA-256 of `x`: `{'1' * 90}`"


def test_links_to_files_are_text_and_others_stay():
    links = "[csv](comparison.csv) [there](https://there) ![x](x.png) [part](#part)"
    assert narrow_report(links, "page") == "csv [there](https://there) ![x](x.png) [part](#part)"


def test_a_study_of_many_rows_fits_into_an_artifact(tmp_path, cpu):
    """Eight budgets and twenty named classes, and a thousand failures."""
    data = draw_dataset(tuple(f"class number {n}" for n in range(20)), per_class=3)
    arms = ("original", "gan", "real_pool", "gan+real_pool")
    first = make_outcome(tmp_path / "store", data, arms=arms)
    budgets = [100 * 2**n for n in range(8)]
    scores = [
        score.model_copy(update={"budget": budget})
        for budget in budgets
        for score in first.comparison.scores
    ]
    failures = [
        Failure(budget=100, seed=n, classifier=None, arm=None, message="x" * 200)
        for n in range(1000)
    ]
    config = StudyConfig(run=RunConfig(arms=arms), budgets=tuple(budgets))
    study = Study.open(tmp_path, "many", config)
    study.write_environment(describe_environment(cpu, data.provenance))
    fill_study(study, summarize_study(scores, failures, confidence_level=0.95), [first])
    report = narrow_report(study.read_report(), study.page.name)
    assert len(report.encode()) < 50_000
    tables = re.findall(r"(?m)^\|.*\|$(?:\n\|.*\|$)+", report)
    for table in tables:
        rows = [split_row(line) for line in table.splitlines()]
        assert sum(max(map(measure, column)) for column in zip(*rows, strict=True)) <= ROOM
    carried = study.embed_pictures(report, limit=290_000 - len(report.encode()))
    assert len(carried.encode()) < 300_000
    assert "](data:image/svg+xml;base64," in carried
