"""A module that is loaded too late for everybody."""

import threading

threading.Event().wait(300)
