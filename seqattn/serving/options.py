"""What a server allows."""

from __future__ import annotations

from dataclasses import dataclass, field

from seqattn.errors import check_ranges


@dataclass(frozen=True)
class ServerOptions:
    """How requests are answered, and which are refused."""

    beam: int = 5
    """Hypotheses kept for each sentence; more where more alternatives are asked for."""
    length_penalty: float = 1.0
    max_characters: int = 10_000
    """The most characters of a request, all its texts together."""
    max_waiting: int = 256
    """The most requests that wait for the models; further ones are answered with 503."""
    timeout: float = 30.0
    """Seconds until a request that has no answer yet is answered with 504."""
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    """One of these must be given as `api_key`; none: no key is needed."""
    origins: tuple[str, ...] = ()
    """Web sites whose pages may use the server from a browser, such as https://example.org; `*`: all."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            beam=(1, None),
            length_penalty=(0, None),
            max_characters=(1, None),
            max_waiting=(1, None),
            timeout=(0.001, None),
        )
