"""The model server: one released model over HTTP, without any training library in the process.

``run.run`` starts it, ``session.Session`` is the model, ``journal.read`` gives what it answered.
"""
