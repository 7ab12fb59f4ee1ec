"""A running ping on a terminal: what is printed before, while and after it runs."""

from __future__ import annotations

from collections.abc import Callable

from ipsecplane.views import Job, PingRequest, PingResult, RouterOperations

MARKS_PER_LINE = 70


class PingRun:
    """Prints a ping's marks, 70 a line, and its success rate. `done` once it has ended."""

    def __init__(
        self,
        router: RouterOperations,
        request: PingRequest,
        write: Callable[[str], None],
        data_given: bool,
    ) -> None:
        self.done = False
        self._write = write
        self._marks = ""
        for row in heading(request, data_given):
            write(row + "\n")
        self._job: Job = router.ping(request, self._mark, self._finished)

    def _mark(self, marks: str) -> None:
        for mark in marks:
            if self._marks and len(self._marks) % MARKS_PER_LINE == 0:
                self._write("\n")
            self._marks += mark
            self._write(mark)

    def _finished(self, result: PingResult) -> None:
        if self.done:
            return
        self.done = True
        newline = "\n" if self._marks else ""
        self._write(f"{newline}{success_rate(result)}\n")

    def cancel(self) -> None:
        """Stop; the rate so far is printed (round trips are known only if the router tells)."""
        self._job.cancel()
        received = self._marks.count("!")
        self._finished(PingResult(len(self._marks), received, ()))


def heading(request: PingRequest, data_given: bool) -> list[str]:
    size, count = str(request.size), request.repeat
    if request.sizes:
        size = f"[{request.sizes[0]}..{request.sizes[-1]}]"
        count *= len(request.sizes)
    rows = [
        "Type escape sequence to abort.",
        f"Sending {count}, {size}-byte ICMP Echos to {str(request.target).upper()},"
        f" timeout is {request.timeout} seconds:",
    ]
    if request.source is not None:
        rows.append(f"Packet sent with a source address of {str(request.source).upper()} ")
    if request.df_bit:
        rows.append("Packet sent with the DF bit set")
    if data_given:
        rows.append(f"Packet has data pattern 0x{request.data:04X}")
    if request.validate:
        rows.append("Reply data will be validated")
    return rows


def success_rate(result: PingResult) -> str:
    percent = result.received * 100 // result.sent if result.sent else 0
    text = f"Success rate is {percent} percent ({result.received}/{result.sent})"
    if not result.round_trips:
        return text
    # Whole milliseconds, and never none: IOS shows 1 for whatever is faster.
    times = [max(1, round(seconds * 1000)) for seconds in result.round_trips]
    average = round(sum(times) / len(times))
    return f"{text}, round-trip min/avg/max = {min(times)}/{average}/{max(times)} ms"
