"""Gates: what a release must show before it may move; in environments and in models."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mlgitops.core.specs.base import Duration, Function, Name, Size, Spec, Wrong

Confidence = Annotated[float, Field(gt=0.5, lt=1.0)]


class Gate(Spec):
    """One condition of a promotion: exactly one of ``KINDS``.

    ``metric`` with ``min`` or ``max`` is absolute; with ``no_worse_than: live`` it is the paired
    comparison with what runs in the environment now, within ``margin`` at ``confidence``.
    """

    model: Name | None = Field(
        default=None, description="In an environment: only of this model. Without it, of all."
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="What a pull request calls a gate by `run` or `command`.",
    )
    metric: str | None = Field(
        default=None,
        description="A metric of the model's evaluation; with exactly one of `min`, `max` and "
        "`no_worse_than`.",
    )
    min: float | None = Field(default=None, description="The metric must be at least this.")
    max: float | None = Field(default=None, description="The metric must be at most this.")
    no_worse_than: Literal["live"] | None = Field(
        default=None,
        description="`live`: the metric is compared, on the same rows, with the release that the "
        "environment pins now.",
    )
    slices: Literal["no_worse_than"] | None = Field(
        default=None,
        description="`no_worse_than`: every slice of the evaluation is compared with the live "
        "release.",
    )
    margin: float = Field(
        default=0.0,
        ge=0,
        description="How much worse is allowed in a comparison, in the metric's unit.",
    )
    confidence: Confidence = Field(
        default=0.95, description="The confidence of a comparison, one-sided, from 0.5 to 1."
    )
    looks: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="How often the same model may be compared, each time on other rows; the "
        "allowed error is shared out evenly. Without it, as often as one likes, and the first time "
        "may spend most of it.",
    )
    parity: Literal["required"] | None = Field(
        default=None,
        description="`required`: the recorded proof that the ONNX answers what the estimator does.",
    )
    signature: Literal["compatible"] | None = Field(
        default=None,
        description="`compatible`: callers of the live release can call this one unchanged.",
    )
    size_max: Size | None = Field(
        default=None, description="How large the ONNX file may be, such as 50MB."
    )
    latency_p99: Duration | None = Field(
        default=None,
        description="How long 99 of 100 one-row calls may take at most, as measured at release, "
        "such as 10ms.",
    )
    provenance: Literal["required"] | None = Field(
        default=None,
        description="`required`: a signed statement says which workflow built it, from which "
        "commit.",
    )
    contract: Literal["required"] | None = Field(
        default=None,
        description="`required`: the data that it was trained and evaluated on kept its contracts.",
    )
    freshness: Duration | None = Field(
        default=None,
        description="How old the newest snapshot that it was trained on may be, such as 7d.",
    )
    soak: Duration | None = Field(
        default=None,
        description="How long it must have run in the environment of `in`, such as 24h. A new "
        "deployment there starts it again.",
    )
    in_: Name | None = Field(
        default=None,
        alias="in",
        description="The environment of a soak. Without it, each of those in `after`.",
    )
    health: Name | None = Field(
        default=None, description="The environment whose monitoring must say that it is healthy."
    )
    not_enough: Literal["wait", "pass"] = Field(
        default="wait",
        description="What too little data for a verdict on health means: `wait` or `pass`.",
    )
    run: Function | None = Field(
        default=None,
        description="A gate of your own, as `module:function`: called with the release, it returns "
        "whether it passes, and why.",
    )
    command: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description="A gate of your own, as the words of a command: exit code 0 passes.",
    )

    KINDS: ClassVar[tuple[str, ...]] = (
        "metric",
        "slices",
        "parity",
        "signature",
        "size_max",
        "latency_p99",
        "provenance",
        "contract",
        "freshness",
        "soak",
        "health",
        "run",
        "command",
    )
    LIMITS: ClassVar[tuple[str, ...]] = ("min", "max", "no_worse_than")
    # Which kinds of gate a further key belongs to.
    BELONGS: ClassVar[dict[str, tuple[str, ...]]] = {
        "min": ("metric",),
        "max": ("metric",),
        "no_worse_than": ("metric",),
        "margin": ("metric", "slices"),
        "confidence": ("metric", "slices"),
        "looks": ("metric", "slices"),
        "in": ("soak",),
        "not_enough": ("health",),
        "name": ("run", "command"),
    }

    @property
    def kind(self) -> str:
        """Which of ``KINDS`` it is."""
        return next(kind for kind in self.KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> Gate:
        given = [kind for kind in self.KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            known = ", ".join(self.KINDS[:-1]) + " and " + self.KINDS[-1]
            what = " and ".join(given) if given else "none"
            raise Wrong(
                f"a gate has exactly one of {known}; this one has {what}",
                "write one gate for each"
                if given
                else "say what is asked, as in {parity: required}",
                key=given[-1] if given else None,
            )
        limits = [name for name in self.LIMITS if getattr(self, name) is not None]
        if self.metric is not None and len(limits) != 1:
            what = " and ".join(limits) if limits else "none"
            raise Wrong(
                f"a metric gate has exactly one of min, max and no_worse_than; this one has {what}",
                "write one gate for each" if limits else "add one of them",
                key=limits[-1] if limits else "metric",
            )
        self._nothing_beside(given[0])
        return self

    def _nothing_beside(self, kind: str) -> None:
        """Refuse a key that says nothing here."""
        for field in self.model_fields_set:
            name = field.rstrip("_")
            homes = self.BELONGS.get(name)
            if homes is not None and kind not in homes and getattr(self, field) is not None:
                raise Wrong(
                    f"{name!r} belongs to a {' or '.join(homes)} gate",
                    "name the metric"
                    if homes == ("metric",)
                    else f"delete it, or add '{homes[0]}: …'",
                    key=name,
                )
        if self.metric is not None and self.no_worse_than is None:
            for name in ("margin", "confidence", "looks"):
                if name in self.model_fields_set:
                    raise Wrong(
                        f"{name!r} belongs to a comparison, and this gate is absolute",
                        "delete it, or write 'no_worse_than: live' for the limit",
                        key=name,
                    )
