"""The error for a request that cannot be answered."""

from __future__ import annotations


class RequestError(Exception):
    """A request is refused with an HTTP status and a sentence, which the client is shown."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        # All of them, so that the error can be sent by another process.
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
        """Seconds after which it may be tried again."""
