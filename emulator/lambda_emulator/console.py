"""What a person (or a program, with --json) sees on stderr. Stdout has nothing but the address."""

import contextlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TextIO

from rich.console import Console as RichConsole
from rich.text import Text

from lambda_emulator import limits
from lambda_emulator.invocation import AnswerStart, ErrorAnswer, Invocation, Outcome, Report

__all__ = ["Console", "RequestLine", "error_text", "printable"]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(slots=True)
class RequestLine:
    """One request to a front, from its arrival to the last byte of its response.

    Times in seconds.
    """

    method: str
    target: str
    started: float
    status: int = 0
    bytes: int = 0
    chunks: int = 0
    first_byte: float | None = None
    cold: bool = False
    note: str = ""
    """What AWS hides from the client: an error after the first byte, a cut, a hang."""
    request_id: str = ""

    def count(self, size: int, chunks: int) -> None:
        if self.first_byte is None:
            self.first_byte = time.monotonic() - self.started
        self.bytes += size
        self.chunks += chunks

    def take_outcome(self, invocation: Invocation) -> None:
        """Note how the invocation ended, if the client could not see it."""
        answer = invocation.answer
        self.cold = invocation.report is not None and invocation.report.cold
        if answer.outcome in (Outcome.SUCCESS, None):
            if answer.cut:
                self.note = f"cut after {limits.STREAMED_RESPONSE} bytes; the client is not told"
            return
        if self.note:
            return
        told = f"the client got {self.status}"
        if answer.start.done() and isinstance(answer.start.result(), AnswerStart):
            told = "the client saw a clean end"
        self.note = f"{answer.outcome.value}; {told}"
        if answer.error:
            text = " ".join(error_text(answer.error)).strip()
            if text:
                self.note += f": {text}"


class Named(Protocol):
    """A function of either kind."""

    @property
    def name(self) -> str: ...


class Console:
    """Prints in colour on a terminal, plainly elsewhere, or one JSON object on each line."""

    def __init__(
        self, *, as_json: bool = False, is_quiet: bool = False, file: TextIO | None = None
    ) -> None:
        """`is_quiet`: print only the functions' own log, and errors."""
        self._json = as_json
        self._quiet = is_quiet
        # A closed stderr is None to Python, and None is stdout to whoever prints.
        self._file: TextIO = file or sys.stderr or open(os.devnull, "w")  # noqa: SIM115
        self._rich = RichConsole(file=self._file, highlight=False, soft_wrap=True)

    # ---- a function's life

    def invocation_started(self, invocation: Invocation) -> None:
        line = f"START RequestId: {invocation.request_id} Version: {version(invocation)}"
        self._platform("start", invocation, line, {"version": version(invocation)})

    def log(self, function: Named, request_id: str | None, lines: list[str]) -> None:
        """Print lines of a function.

        Args:
            function: The function.
            request_id: The request that wrote them, if it is known.
            lines: The lines. Runtimes put a carriage return between the lines of one message.
        """
        if self._json:
            entries = []
            for line in lines:
                message = line.replace("\r", "\n")
                fields = {"function": function.name, "requestId": request_id, "message": message}
                entries.append(_json_line("log", fields))
            self._write(entries)
            return
        prefix = _prefix(request_id or function.name)
        texts = []
        for line in lines:
            for part in line.split("\r"):
                text = Text.from_ansi(part, style=_level_style(part))
                texts.append(Text.assemble(prefix, text))
        self._print(texts)

    def invocation_ended(self, invocation: Invocation) -> None:
        report = invocation.report
        assert report is not None
        request_id = invocation.request_id
        self._platform("end", invocation, f"END RequestId: {request_id}", {})
        line = report_line(request_id, report)
        self._platform("report", invocation, line, report_figures(report))

    def init_failed(self, function: Named, error: ErrorAnswer) -> None:
        found, message = error_text(error.body)
        kind = found or error.kind
        if self._json:
            fields = {"function": function.name, "errorType": kind, "message": message}
            self._write_json("init_failed", fields)
        else:
            self.error(f"{function.name} did not start: {kind}: {message}")

    def _platform(
        self, event: str, invocation: Invocation, line: str, fields: dict[str, Any]
    ) -> None:
        if invocation.report is not None:
            invocation.report.add_to_tail(line.encode() + b"\n")
        if self._quiet:
            return
        if self._json:
            self._write_json(event, {"requestId": invocation.request_id, **fields})
        else:
            self._print([Text(line, style="dim")])

    # ---- requests

    def request(self, line: RequestLine) -> None:
        if self._quiet:
            return
        total = time.monotonic() - line.started
        if self._json:
            fields = {
                "requestId": line.request_id,
                "method": line.method,
                "target": line.target,
                "status": line.status,
                "bytes": line.bytes,
                "chunks": line.chunks,
                "firstByteMs": _ms(line.first_byte),
                "durationMs": _ms(total),
                "cold": line.cold,
                "note": line.note,
            }
            self._write_json("request", fields)
            return
        chunks = "1 chunk" if line.chunks == 1 else f"{line.chunks} chunks"
        figures = f"  {size_text(line.bytes)} in {chunks}"
        if line.first_byte is not None:
            figures += f"  first byte {line.first_byte * 1000:.1f} ms"
        figures += f"  total {total * 1000:.1f} ms  "
        text = Text.assemble(
            _prefix(line.request_id),
            (f"{line.method} {line.target}", "bold"),
            "  ",
            (str(line.status or "---"), _status_style(line.status)),
            figures,
            ("cold", "blue") if line.cold else "warm",
        )
        if line.note:
            text.append(f"  {line.note}", style="yellow")
        self._print([text])

    # ---- the emulator itself

    def note(self, message: str) -> None:
        self._tell("note", {"message": message}, Text(message, style="yellow"))

    def credentials(self, whose: str) -> None:
        text = Text(f"AWS credentials of the functions: {whose}", style="dim")
        self._tell("credentials", {"message": whose}, text)

    def caution(self, where: str, message: str) -> None:
        """Print what AWS would do differently. `where` is FILE:LINE."""
        text = Text(f"{where}: {message}", style="yellow")
        self._tell("warning", {"where": where, "message": message}, text)

    def _tell(self, event: str, fields: dict[str, Any], text: Text) -> None:
        if self._quiet:
            return
        if self._json:
            self._write_json(event, fields)
        else:
            self._print([text])

    def asynchronous(
        self, request_id: str, message: str, record: Mapping[str, Any] | None = None
    ) -> None:
        """Print what became of an event in the asynchronous queue.

        Args:
            request_id: The id of its request.
            message: What happened.
            record: The record for a destination, if there is one.
        """
        fields = {"requestId": request_id, "message": message, "record": record}
        text = Text.assemble(_prefix(request_id), (f"asynchronous: {message}", "yellow"))
        self._tell("asynchronous", fields, text)

    def error(self, message: str) -> None:
        if self._json:
            self._write_json("error", {"message": message})
        else:
            self._print([Text(f"lambda-emulator: {message}", style="bold red")])

    def _print(self, texts: list[Text]) -> None:
        if self._rich.is_terminal:
            lines = [Text("  ").join(text.split("\t")) for text in texts]
            for line in lines:
                if _CONTROL.search(line.plain):
                    line.plain = printable(line.plain)
            with contextlib.suppress(OSError, ValueError):
                self._rich.print(Text("\n").join(lines))
        else:  # tabs and long lines stay as they are
            self._write(printable(text.plain) for text in texts)

    def _write_json(self, event: str, fields: dict[str, Any]) -> None:
        self._write([_json_line(event, fields)])

    def _write(self, lines: Iterable[str]) -> None:
        """Write in one call. A closed stderr must not affect a request."""
        with contextlib.suppress(OSError, ValueError):
            print("\n".join(lines), file=self._file, flush=True)


def _json_line(event: str, fields: dict[str, Any]) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    time_text = now.replace("+00:00", "Z")
    return json.dumps({"time": time_text, "event": event, **fields}, ensure_ascii=False)


def _prefix(name: str) -> tuple[str, str]:
    """Return the first column of a line: the start of a request's id or a function's name."""
    return f"{name[:8]:8} ", "cyan"


def printable(text: str) -> str:
    """Escape control characters.

    A message cannot move the terminal's cursor or set its title.

    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def version(invocation: Invocation) -> str:
    return invocation.qualifier if invocation.qualifier.isdigit() else "$LATEST"


def report_line(request_id: str, report: Report) -> str:
    """Return the REPORT line as Lambda writes it, with tabs between the fields."""
    init = report.init_duration or report.restore_duration
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {report.duration * 1000:.2f} ms",
        f"Billed Duration: {_billed(report)} ms",
        f"Memory Size: {report.memory} MB",
        f"Max Memory Used: {report.max_memory_used} MB",
    ]
    if init is not None:
        kind = "Restore" if report.init_duration is None else "Init"
        fields.append(f"{kind} Duration: {init * 1000:.2f} ms")
    if report.status:
        fields.append(f"Status: {report.status}")
    return "\t".join(fields)


def report_figures(report: Report) -> dict[str, Any]:
    figures = {
        "durationMs": _ms(report.duration),
        "billedDurationMs": _billed(report),
        "memorySizeMB": report.memory,
        "maxMemoryUsedMB": report.max_memory_used,
        "initDurationMs": _ms(report.init_duration),
        "restoreDurationMs": _ms(report.restore_duration),
        "status": report.status or None,
    }
    return {name: value for name, value in figures.items() if value is not None}


def _billed(report: Report) -> int:
    """Return the billed duration. Init is billed since August 2025."""
    init = report.init_duration or report.restore_duration or 0.0
    seconds = report.duration + init
    return math.ceil(seconds * 1000)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def size_text(size: int) -> str:
    """
    >>> size_text(0), size_text(1500), size_text(12_345_678)
    ('0 B', '1.5 kB', '12.3 MB')
    """
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1000:.1f} kB"
    return f"{size / 1_000_000:.1f} MB"


def error_text(body: bytes) -> tuple[str, str]:
    """Return errorType and errorMessage of an error's JSON, on one line."""
    try:
        data = json.loads(body)
        kind = str(data.get("errorType", ""))
        message = str(data.get("errorMessage", ""))
        return kind, " ".join(message.split())
    except (ValueError, AttributeError):
        return "", body.decode("utf-8", "replace")[:500]


def _status_style(status: int) -> str:
    if status < 400:
        return "green"
    return "yellow" if status < 500 else "red"


def _level_style(text: str) -> str:
    head = text[:80]
    is_error = "ERROR" in head or "CRITICAL" in head
    if is_error or text.startswith(("Traceback", "[ERROR]")):
        return "red"
    return "yellow" if "WARN" in head else ""
