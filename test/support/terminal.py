"""Runs a program on a terminal of its own: python3 terminal.py <what to type> <program> <arguments>. Types once it is asked;
SIGTERM is sent to the program instead."""

import os
import pty
import signal
import sys

typed = sys.argv[1].encode().decode("unicode_escape").encode()
asked = False
child = 0
plain_fork = pty.fork


def fork():
    global child
    child, fd = plain_fork()
    return child, fd


pty.fork = fork


def read(fd):
    global asked
    data = os.read(fd, 65536)
    if b"[y/N]" in data and not asked:
        asked = True
        if typed == b"SIGTERM":
            os.kill(child, signal.SIGTERM)
        else:
            os.write(fd, typed)
    return data


status = pty.spawn(sys.argv[2:], read)
sys.exit(os.waitstatus_to_exitcode(status))
