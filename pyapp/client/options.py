"""How a client behaves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """All times in seconds."""

    api_key: str = ""
    """For predictions, where the server wants one (SERVING_API_KEYS)."""
    admin_token: str = ""
    """For changes to what is served (SERVING_ADMIN_TOKEN)."""
    actor: str = ""
    """Whom the server's audit names for them."""
    deadline: float | None = None
    """Of a whole call, repetitions included.  The server is told what is left of it, and computes nothing too late."""
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    """Without a byte from the server; the server's own deadline is 25 s unless it was set."""
    retries: int = 3
    """How often what changes nothing is asked again, after 429, 503 or a connection that failed."""
    first_pause: float = 0.1
    """Before the first repetition, doubled before each further one; a random part of it is waited."""
    longest_pause: float = 10.0
    """A server that asks for more (Retry-After) is not asked again."""
    connections: int = 100
    """Kept open at most."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        for name in ("connect_timeout", "read_timeout", "first_pause", "longest_pause"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected seconds, more than 0")
        if self.deadline is not None and not self.deadline > 0:
            raise ValueError(f"deadline is {self.deadline!r}; expected seconds, more than 0, or None")
        if self.retries < 0 or self.connections < 1:
            raise ValueError("retries must be 0 or more, connections 1 or more")
