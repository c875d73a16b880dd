"""Runs a command on a terminal of its own, presses Ctrl+C once it has shown a text, and prints all that it showed.

Usage: terminal.py TEXT COMMAND [ARGUMENT ...]; the exit code is the command's.
"""
import os
import pty
import sys

text, command = sys.argv[1].encode(), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)

shown = b''
pressed = False
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        # Linux ends a terminal whose last program has left with an error.
        break
    if not chunk:
        break
    shown += chunk
    if not pressed and text in shown:
        os.write(terminal, b'\x03')
        pressed = True
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
