"""The evidence of a release, a module for each part of it.

Each has ``make(seams, made, files)``, which gives new files from what was built and from the files
made before, and, where they can be computed again from other bytes, ``problems(held)``, which says
what is wrong with those of a release that exists. The order is that of ``MAKERS`` in
``flow.build``; the checks are listed in ``flow.recompute``.
"""
