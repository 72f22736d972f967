"""Writes a large repository of specs: pipelines of ten steps, a model each, three environments.

    python benchmarks/repository.py FOLDER --pipelines 1000 [--pins]

Every pipeline has its own Python module, so that finding functions is measured, too. The same
arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import Final

ENVIRONMENTS: Final = ("dev", "staging", "prod")
STEPS: Final = 10

_PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: large
"""
_MODEL = """\
apiVersion: mlgitops/v1
kind: Model
name: {name}
pipeline: {name}
artifact: train.model
task: binary-classification
features: [age, tenure, plan, usage]
evaluation:
  data: features.test
  target: left
  id: customer_id
  metrics: [roc_auc, brier, log_loss]
  slices: [country, plan]
export: {{format: onnx, parity: {{atol: 1.0e-4, label_mismatch: 0.0}}}}
gates:
  - {{metric: roc_auc, min: 0.7}}
  - {{parity: required}}
monitoring:
  reference: features.test
"""
_ENVIRONMENT = """\
apiVersion: mlgitops/v1
kind: Environment
name: {name}
after: [{after}]
target: {{type: kubernetes, namespace: ml-{name}, image: ghcr.io/acme/serving:1.2}}
gates:
  - {{metric: roc_auc, no_worse_than: live, margin: 0.005}}
  - {{slices: no_worse_than, margin: 0.02}}
  - {{signature: compatible}}
approvals: {{count: 1}}
promotion: {{auto: true}}
"""
_PIN = """\
apiVersion: mlgitops/v1
kind: Pin
model: {name}
version: 1.0.0
digest: sha256:{digest}
"""


def generate(root: Path, pipelines: int, *, pins: bool = False) -> None:
    """Write and commit a repository of ``pipelines`` pipelines and as many models."""
    _write(root / "mlgitops.yaml", _PROJECT)
    _write(root / ".gitignore", ".mlgitops/\n")
    for index in range(pipelines):
        name = f"churn-{index:04d}"
        folder = root / "pipelines" / name
        _write(folder / "pipeline.yaml", pipeline(name, index))
        _write(folder / "model.yaml", _MODEL.format(name=name))
        _write(folder / "steps.py", module(index))
    for before, name in zip(("", *ENVIRONMENTS), ENVIRONMENTS, strict=False):
        folder = root / "environments" / name
        _write(folder / "environment.yaml", _ENVIRONMENT.format(name=name, after=before))
        for index in range(pipelines if pins else 0):
            pin = _PIN.format(name=f"churn-{index:04d}", digest=f"{index:064x}")
            _write(folder / "pins" / f"churn-{index:04d}.yaml", pin)
    git = ("git", "-c", "user.name=Bench", "-c", "user.email=bench@example.com")
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], cwd=root, check=True)
    subprocess.run([*git, "add", "--all"], cwd=root, check=True)
    message = f"{pipelines} pipelines"
    subprocess.run([*git, "commit", "--quiet", f"--message={message}"], cwd=root, check=True)


def pipeline(name: str, index: int) -> str:
    """Return a pipeline from a source through eight steps of features to a trained model."""
    lines = [
        "apiVersion: mlgitops/v1",
        "kind: Pipeline",
        f"name: {name}",
        'owners: ["@acme/ml"]',
        f"params: {{months: 12, seed: {index}, rounds: 300}}",
        "steps:",
        "  - name: customers",
        "    run: steps:customers",
        "    params: [months]",
        "    outputs: {rows: parquet}",
    ]
    before = "customers.rows"
    for step in range(1, STEPS - 2):
        lines += [
            f"  - name: clean-{step}",
            f"    run: steps:clean_{step}",
            f"    inputs: {{rows: {before}}}",
            "    outputs: {rows: parquet}",
        ]
        before = f"clean-{step}.rows"
    lines += [
        "  - name: features",
        "    run: steps:features",
        f"    inputs: {{rows: {before}}}",
        "    outputs: {train: parquet, test: parquet}",
        "  - name: train",
        "    run: steps:fit  # the last one",
        "    inputs: {train: features.train}",
        "    params: [seed, rounds]",
        "    outputs: {model: estimator}",
        "    timeout: 20m",
    ]
    return "\n".join(lines) + "\n"


def module(index: int) -> str:
    """Return the code of a pipeline's steps."""
    parts = [f'"""Steps of pipeline {index}."""', "def customers(months):\n    return months"]
    parts += [
        f"def clean_{step}(rows):\n    kept = rows[rows.age > {step}]\n    return kept.dropna()"
        for step in range(1, STEPS - 2)
    ]
    parts.append("def features(rows):\n    return {'train': rows[::2], 'test': rows[1::2]}")
    parts.append("def fit(train, seed, rounds):\n    return (train, seed, rounds)")
    return "\n\n\n".join(parts) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Write the repository that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pipelines", type=int, default=1000)
    parser.add_argument("--pins", action="store_true", help="pin every model everywhere, too")
    args = parser.parse_args()
    generate(args.folder, args.pipelines, pins=args.pins)


if __name__ == "__main__":
    main()
