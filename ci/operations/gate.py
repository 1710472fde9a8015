"""The way to a server, which can be shut: then whoever dials is refused, as where nothing runs."""

import contextlib
import socket
import threading

from browser.proxy import Proxy
from stage import free_port


class Gate(Proxy):
    """Its port stays the same, and none that the system gives to somebody else meanwhile."""

    def __init__(self, target):
        super().__init__(target)
        self.away()
        self.port = free_port()
        self.back()

    def away(self):
        # Closing alone would not wake whoever waits in accept, and the port would go on to answer.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def back(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
