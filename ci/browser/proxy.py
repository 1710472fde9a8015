"""A TCP proxy on a port of its own that can cut its connections or fall silent on them."""

import contextlib
import socket
import threading


class Proxy:
    """Forwards every connection to `target` until `cut` or `silence` says otherwise."""

    def __init__(self, target):
        self._target = target
        self._pairs = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Ends every open connection; new ones are served."""
        for pair in list(self._pairs):
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def silence(self):
        """Keeps connections open but lets nothing through any more: a dead path, no goodbye."""
        self._flowing.clear()

    def resume(self):
        self._flowing.set()

    def close(self):
        self._listener.close()
        self.resume()
        self.cut()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            pair = (near, far)
            self._pairs.add(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pump, args=(source, sink, pair), daemon=True).start()

    def _pump(self, source, sink, pair):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        self._pairs.discard(pair)
        for end in pair:
            end.close()
