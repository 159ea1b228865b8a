"""How many files, sockets among them, the process may have open."""

import logging
import resource

logger = logging.getLogger(__name__)

_OUR_OWN = 128
_MOST_CONNECTIONS = 4096


def raise_file_limit() -> int:
    """Raises the soft limit to the hard one, as far as the system allows it; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as reason:
        logger.warning("cannot raise the open file limit soft=%d hard=%d reason=%s", soft, hard, reason)
    return file_limit()


def file_limit() -> int:
    """The soft limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def most_connections(limit: int) -> int:
    """How many connections there may be at once, so that descriptors are left for files and for Git."""
    unlimited = limit < 0 or limit == resource.RLIM_INFINITY
    return _MOST_CONNECTIONS if unlimited else min(_MOST_CONNECTIONS, max(1, limit // 4, (limit - _OUR_OWN) // 2))
