"""Widgets: numpy arrays in, the user's intents out as signals; no torch, no threads."""

from flowmap_studio.views.qt_names import import_pyqtgraph

import_pyqtgraph()  # before any view does: quicker than its own way
