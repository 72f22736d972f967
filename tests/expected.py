"""``python -m tests.expected [RULE ...]`` writes tests/data/rules/*/expected.txt again.

Read the difference as a user would, and commit it with the change that made it.
"""

import sys
import tempfile
from pathlib import Path

from mlgitops.report import findings as report
from tests.core.test_rules import ALL, DATA, lay_out, told


def main(rules: list[str]) -> None:
    for rule in rules or ALL:
        with tempfile.TemporaryDirectory() as folder:
            bad = lay_out(rule, "bad", Path(folder, "bad"))
            found = told(bad, rule)
            page = report.text(found, bad.read) + "\n"
            (DATA / rule / "expected.txt").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
