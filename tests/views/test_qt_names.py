"""pyqtgraph finds Qt's names in Qt instead of copying them."""

import subprocess
import sys

CODE = """
import flowmap_studio.views
from PySide6 import QtCore, QtGui, QtWidgets
from pyqtgraph import Qt
copied = {name for name in vars(Qt.QtWidgets) if name.startswith("Q")}
assert "QCalendarWidget" not in copied, "all names were copied"
assert Qt.QtWidgets.QCalendarWidget is QtWidgets.QCalendarWidget
assert Qt.QtGui.QTextDocument is QtGui.QTextDocument
assert Qt.QtCore.Signal is QtCore.Signal
assert not hasattr(Qt.QtCore, "no_such_name")
assert "QCalendarWidget" in dir(QtWidgets), "Qt lists its names as before"
"""


def test_names_of_qt_are_looked_up_and_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
