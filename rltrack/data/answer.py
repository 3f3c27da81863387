"""A server's answer to one request, of which every part has to arrive in time.

A server can send its answer so slowly that no wait for the next byte is ever too long. Therefore a
thread receives it, and whoever reads the answer waits for the thread no longer than a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from queue import Empty, Full, Queue
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rltrack.data.failures import FetchError, SlowFetchError
from rltrack.limits import Limits

__all__ = ["Answer", "BrokenOffError"]

if TYPE_CHECKING:
    import requests

_MINUTE = 60.0  # seconds; the time over which the rate is taken
_TIMEOUT = (15.0, 30.0)  # seconds to connect, and between two bytes
_LARGEST_PIECE = 1 << 16  # bytes; what a broken transfer may lose


class BrokenOffError(Exception):
    """One try failed in a way that may pass.

    Attributes:
        pause: the seconds that the server asks to wait, or 0.
    """

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Answer:
    """The answer to one request. It is a context, and what is left of it is dropped at its end.

    Args:
        url: the address. Redirects are followed.
        headers: the headers of the request.
        limits: the field ``download_rate`` is the fewest bytes a second.

    Attributes:
        status: the HTTP status.
        reason: the words that the server gives for it.
        headers: the headers of the answer.

    Raises:
        BrokenOffError: another try may help.
        SlowFetchError: the answer's head or body does not arrive at the rate of ``download_rate``.
        FetchError: the address or the answer cannot be used.
    """

    status: int
    reason: str
    headers: Mapping[str, str]

    def __init__(self, url: str, headers: Mapping[str, str], limits: Limits) -> None:
        self._url, self._rate = url, limits.download_rate
        self._least = self._rate * _MINUTE  # bytes of a minute
        self._arrived: Queue[Any] = Queue(maxsize=4)
        self._dropped = threading.Event()
        threading.Thread(target=self._receive, args=(url, dict(headers)), daemon=True).start()
        try:
            self.status, self.reason, self.headers = self._next(time.monotonic() + _MINUTE)
        except BaseException:
            self._dropped.set()
            raise

    def pieces(self) -> Iterator[bytes]:
        """Yield the body in pieces."""
        received, end = 0, time.monotonic() + _MINUTE
        while (piece := self._next(end)) is not None:
            yield piece
            received += len(piece)
            if received >= self._least:
                received, end = 0, time.monotonic() + _MINUTE

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._dropped.set()

    def _next(self, end: float) -> Any:
        """Return what arrives next: the head, a piece, or None at the end."""
        try:
            arrived = self._arrived.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            raise SlowFetchError(
                f"{self._url} is too slow: fewer bytes a second than the limit download_rate = "
                f"{self._rate:g} arrived over a minute"
            ) from None
        if isinstance(arrived, Exception):
            raise self._failure(arrived) from arrived
        return arrived

    def _receive(self, url: str, headers: dict[str, str]) -> None:
        """Put the head, the pieces and None into the queue, or the error that comes between."""
        import requests

        # A piece is handed over when all of it is there, so it may have no more than a minute's.
        piece_size = max(1, min(_LARGEST_PIECE, int(self._least)))
        try:
            with requests.get(
                url,
                headers=headers,
                stream=True,
                timeout=_TIMEOUT,
                hooks={"response": _leave_body_of_redirect},
            ) as response:
                self._put((response.status_code, response.reason, response.headers))
                for piece in response.iter_content(piece_size):
                    if not self._put(piece):
                        return
            self._put(None)
        except Exception as error:  # raised where the answer is read
            self._put(error)

    def _put(self, arrived: Any) -> bool:
        """Put something into the queue. Returns False if nobody reads the answer any more."""
        while not self._dropped.is_set():
            try:
                self._arrived.put(arrived, timeout=0.1)
                return True
            except Full:
                continue
        return False

    def _failure(self, error: Exception) -> Exception:
        import requests

        passing = (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        )
        if isinstance(error, passing):
            return BrokenOffError(f"the connection failed, {_cause(error)}")
        # Not only requests' own errors: an address that is none raises others too.
        return FetchError(f"{self._url} cannot be fetched ({error})")


def _cause(error: BaseException) -> str:
    """Return what the system said: the innermost of the errors that requests and urllib3 nest."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _leave_body_of_redirect(response: requests.Response, *_: Any, **__: Any) -> None:
    """Close a redirect's answer, of which requests would read the body, however long it is."""
    if response.is_redirect:
        response.close()
