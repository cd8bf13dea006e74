"""What came of a tier of tests, and the table at the end."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from .console import say


@dataclass
class Outcome:
    """What came of one tier."""

    tier: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""  # why the whole tier was skipped, or how it failed outside of a test

    @property
    def did_not_run(self) -> bool:
        """Whether the note is a reason why the tier was left out."""
        return bool(self.note) and not (self.passed or self.failed)


def read_report(tier: str, report: Path) -> Outcome:
    """Count a JUnit report; a missing one counts nothing, the exit code then decides."""
    outcome = Outcome(tier)
    if not report.exists():
        return outcome
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        total, failures, errors, skipped = (int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped"))
        outcome.failed += failures + errors
        outcome.skipped += skipped
        outcome.passed += total - failures - errors - skipped
    return outcome


def summary(outcomes: list[Outcome], seconds: float) -> int:
    """Print one line per tier and a closing line; return the exit code.

    Args:
        outcomes: Of all tiers.
        seconds: Of the whole run with its installations: tiers run side by side.
    """
    say(f"\n{'tier':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for outcome in outcomes:
        counts = f"{'not run':>25}" if outcome.did_not_run else f"{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}"
        say(f"{outcome.tier:<14}{counts}{outcome.seconds:>9.1f}" + (f"  {outcome.note}" if outcome.note else ""))
    passed, failed, skipped = (sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "failed", "skipped"))
    # A tier that did not run is one skipped thing, so that it shows in the last line too.
    skipped += sum(1 for outcome in outcomes if outcome.did_not_run)
    say(f"{'whole run':<14}{passed:>8}{failed:>8}{skipped:>9}{seconds:>9.1f}")
    say(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    sys.stdout.flush()
    return 1 if failed or not passed else 0
