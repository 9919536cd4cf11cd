"""What the cluster's processes learn of the environment that they are started in.

They outlive the command, and a compiler needs no cloud: the environment that starts them may hold a
stack's secrets and the credentials of a cloud. What is not listed here stays behind.
"""

import os
import re

_PASSED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|LC_\w+|XDG_\w+"
    r"|LD_LIBRARY_PATH|DYLD_\w+|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO|http|https|all|no)_(PROXY|proxy)"
    # Go's own names have no underscore, Google's have one: GOOGLE_APPLICATION_CREDENTIALS.
    r"|GO[A-Z0-9]+|GO_EXTLINK_ENABLED|NETRC|CC|CXX|AR|CGO_\w+"
)


def clean_environment() -> dict[str, str]:
    """The environment for a child: where things are and how to reach the network; no secret of anybody's."""
    return {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
