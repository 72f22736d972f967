"""What the server counts, in the text form that Prometheus reads."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from mlgitops.server.release import Release

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

# Seconds. A one-row request takes some tens of microseconds, a large batch seconds.
_BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class Metrics:
    """Counters of one server process. Every label value comes from a closed set of our own."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()
        """Inference requests by HTTP status."""
        self.rejected: Counter[str] = Counter()
        """Refused requests by the input that was to blame ("" when it was none)."""
        self.rows = 0
        self.journal_entries = 0
        self.journal_failures = 0
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0

    def answered(self, status: int, seconds: float) -> None:
        """Count one inference request, answered with ``status`` after ``seconds``."""
        self.requests[status] += 1
        self._seconds += seconds
        self._buckets[bisect_left(_BUCKETS, seconds)] += 1

    def render(self, release: Release, *, ready: bool) -> bytes:
        """Return the text of ``GET /metrics``."""
        told = {"model": release.model, "version": release.version, "digest": release.digest}
        lines = [
            *_family("mlgitops_model_info", "gauge", "The model that this process serves."),
            f"mlgitops_model_info{_labels(told)} 1",
            *_family("mlgitops_ready", "gauge", "1: the golden rows agree, requests are answered."),
            f"mlgitops_ready {int(ready)}",
            *_family("mlgitops_requests_total", "counter", "Inference requests by HTTP status."),
            *(
                f"mlgitops_requests_total{_labels({'code': str(code)})} {count}"
                for code, count in sorted(self.requests.items())
            ),
            *_family("mlgitops_rejected_total", "counter", "Refused requests by input to blame."),
            *(
                f"mlgitops_rejected_total{_labels({'field': field})} {count}"
                for field, count in sorted(self.rejected.items())
            ),
            *_family("mlgitops_rows_total", "counter", "Rows answered."),
            f"mlgitops_rows_total {self.rows}",
            *_family("mlgitops_journal_entries_total", "counter", "Requests in the journal."),
            f"mlgitops_journal_entries_total {self.journal_entries}",
            *_family(
                "mlgitops_journal_failures_total", "counter", "Answers missing in the journal."
            ),
            f"mlgitops_journal_failures_total {self.journal_failures}",
            *self._histogram(),
        ]
        return ("\n".join(lines) + "\n").encode()

    def _histogram(self) -> list[str]:
        name = "mlgitops_request_duration_seconds"
        lines = _family(name, "histogram", "Time to answer an inference request, body included.")
        total = 0
        for bound, count in zip((*map(repr, _BUCKETS), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f"{name}_bucket{_labels({'le': bound})} {total}")
        return [*lines, f"{name}_sum {self._seconds!r}", f"{name}_count {total}"]


def _family(name: str, kind: str, told: str) -> list[str]:
    return [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]


def _labels(labels: dict[str, str]) -> str:
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
