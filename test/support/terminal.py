"""Runs a program on a terminal of its own: python3 terminal.py <what to type> <program> <arguments>. Types once it is asked."""

import os
import pty
import sys

typed = sys.argv[1].encode().decode("unicode_escape").encode()
asked = False


def read(fd):
    global asked
    data = os.read(fd, 65536)
    if b"[y/N]" in data and not asked:
        asked = True
        os.write(fd, typed)
    return data


status = pty.spawn(sys.argv[2:], read)
sys.exit(os.waitstatus_to_exitcode(status))
