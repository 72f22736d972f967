"""mlgitops: your git repository is the ML platform."""

import os

__version__ = "0.1.0"

# From 1.29 on, onnxruntime sends what it runs to its maker, and writes an identifier into the
# temporary folder, unless it is told not to before it is loaded (microsoft/onnxruntime#27379).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
