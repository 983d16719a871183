"""When a request is tried again, how late, and when no more: urllib3's retries with the server's own wishes."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

GATEWAY = frozenset({502, 503, 504})
REFUSED = frozenset({403, 429})


class Patience(NamedTuple):
    """How long a request may take.

    Attributes:
        attempts: tries after the first.
        wait_s: all waiting between tries together; a server that asks for longer is not asked again.
        timeout_s: without a byte from the server.
        sleep, now, jitter: replaced by tests.
    """

    attempts: int = 5
    wait_s: float = 120.0
    timeout_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random


class Courtesy(Retry):
    """urllib3's retries, as late as the server asks for and no longer than we are patient."""

    patience = Patience()
    waited_s = 0.0
    pause_s = 0.0

    def new(self, **changes: Any) -> Self:
        made = super().new(**changes)
        made.patience, made.waited_s = self.patience, self.waited_s
        return made

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if not self.total:
            return False
        if status_code in REFUSED:
            return True  # `increment` sees whether it was for the rate: it was not done, whatever the method
        return status_code in GATEWAY and (self.allowed_methods is None or method in self.allowed_methods)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        *more: Any,
        **named: Any,
    ) -> Self:
        made = super().increment(method, url, response, error, *more, **named)
        pause = self._pause(response)
        if pause is None or self.waited_s + pause > self.patience.wait_s:
            raise MaxRetryError(named["_pool"], url or "", error or ResponseError("not asked again"))
        made.pause_s, made.waited_s = pause, self.waited_s + pause
        return made

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        self.patience.sleep(self.pause_s)

    def _pause(self, response: BaseHTTPResponse | None) -> float | None:
        """Seconds until the next try; None when the server's no will stay a no."""
        jitter = self.patience.jitter()
        if response is not None:
            asked = retry_after_s(response.headers, self.patience.now())
            if asked is not None:
                return asked + jitter  # many jobs wait for the same second
            if response.status in REFUSED:
                return None
        return float(2 ** len(self.history)) * (0.5 + jitter / 2)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """How long a server that refused for its rate wants to be left alone; None when it does not say.

    Source: GitHub docs, "Best practices for using the REST API", handling rate limit errors.
    """
    after = headers.get("retry-after", "").strip()
    if after.isdigit():
        return float(after)
    if (date := email.utils.parsedate_tz(after)) is not None:
        return max(0.0, email.utils.mktime_tz(date) - now)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - now)
    return None
