"""One row a sample, divided into what is learnt from and what is judged on."""

from __future__ import annotations

import pandas as pd
from sklearn.model_selection import train_test_split


def build(rows: pd.DataFrame, test_share: float, seed: int) -> dict[str, pd.DataFrame]:
    """Return ``train`` and ``test``, with the same share of malignant ones in both."""
    measurements = rows.drop(columns=["sample", "malignant"])
    # ONNX computes in float32: what the model learns from must be what it will be asked with.
    frame = measurements.astype("float32").assign(
        sample=rows["sample"], malignant=rows["malignant"]
    )
    train, test = train_test_split(
        frame, test_size=test_share, random_state=seed, stratify=frame["malignant"]
    )
    return {
        "train": train.sort_values("sample").reset_index(drop=True),
        "test": test.sort_values("sample").reset_index(drop=True),
    }
