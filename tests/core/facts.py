"""Release documents and comparisons for tests of what decides about them."""

from mlgitops.core.digests import Digest, of_bytes
from mlgitops.core.gates import Compared
from mlgitops.core.releases import Lineage, ReleaseDocument, StepLineage, Version


def step(code: str = "code", params: int | None = None, data: str = "rows") -> StepLineage:
    return StepLineage(
        key=of_bytes(f"{code}{params}{data}".encode()),
        code=of_bytes(code.encode()),
        params={"seed": params},
        inputs={"rows": of_bytes(data.encode())},
        lock=None,
    )


def lineage(**changes: StepLineage) -> Lineage:
    return Lineage(
        commit="c" * 40,
        pipeline="churn",
        steps={"features": step("features"), "train": step("train"), **changes},
        snapshots={"rows": {"digest": of_bytes(b"rows"), "as_of": "2026-01-01", "rows": 10}},
        training=(of_bytes(b"train"),),
        evaluation_steps=("features",),
    )


def release_document(
    version: str = "1.0.0", *, onnx: bytes = b"onnx", mae: float = 10.0, size: int = 1000
) -> ReleaseDocument:
    names = ("model.onnx", "signature.json", "golden.json", "evaluation.parquet", "card.md")
    files: dict[str, Digest] = {name: of_bytes(name.encode()) for name in names}
    files["model.onnx"] = of_bytes(onnx)
    return ReleaseDocument(
        model="churn",
        version=Version.parse(version),
        digest=of_bytes(b"manifest" + onnx),
        size=size,
        task="regression",
        files=files,
        features=("age",),
        evaluation={
            "rows": 400,
            "target": "y",
            "id": "id",
            "leads": "mae",
            "metrics": {"mae": {"value": mae, "low": mae - 1, "high": mae + 1}},
            "slices": {"country": {}},
        },
        parity={
            "rows": 400,
            "max_abs_diff": 1e-6,
            "rows_over": 0,
            "label_mismatches": 0,
            "own_label_differs": 0,
            "atol": 1e-4,
            "rtol": 0.0,
            "ok": True,
        },
        lineage=lineage(),
        bump="first",
        because=("the first release",),
        measured={"latency_p99_ms": 2.0, "latency_p50_ms": 1.0, "machine": "test"},
    )


def compared(verdict: str, *, where: tuple[str, str] | None = None) -> Compared:
    return Compared(
        metric="mae",
        slice=where,
        live=10.0,
        candidate=9.0,
        delta=-1.0,
        low=-1.5,
        high=-0.5,
        limit=1.0,
        higher_is_better=False,
        verdict=verdict,  # type: ignore[arg-type]
        n=400,
        n_needed=9000 if verdict == "inconclusive" else None,
    )
