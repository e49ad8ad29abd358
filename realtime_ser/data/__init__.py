"""Files that come with the package: ``demo.ogg`` is made by ``scripts/render_demo.py``.

Read them through ``importlib.resources``.
"""
