"""What the runner says while it works: notes, warnings and a progress line, all on stderr."""

import os
import sys


def duration(seconds: float) -> str:
    """`95.2` as `1:35`, `3725` as `1:02:05`."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


_USUAL_WIDTH = 80


class Console:
    """Keeps the progress line and whole lines of text out of each other's way."""

    def __init__(self, stream=sys.stderr):
        self.stream = stream
        self.live = stream.isatty()
        self.shown = 0

    def _write(self, text: str) -> None:
        """Write now, if anybody is there still: the end of a terminal is not that of the run."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:
            pass

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _USUAL_WIDTH
        except OSError:
            return _USUAL_WIDTH

    def clear(self) -> None:
        """Take the progress line away."""
        if self.shown:
            self._write("\r" + " " * self.shown + "\r")
            self.shown = 0

    def say(self, text: str) -> None:
        """Print one line."""
        self.clear()
        self._write(f"bench: {text}\n")

    def progress(self, text: str) -> None:
        """Replace the progress line; on something that is no terminal, say nothing."""
        if self.live:
            self.clear()
            # A line that wraps could not be taken away again.
            shown = text[:self._width() - 1]
            self._write(shown)
            self.shown = len(shown)

    def milestone(self, text: str) -> None:
        """A progress line worth keeping where there is no terminal to update."""
        if not self.live:
            self.say(text)


console = Console()
