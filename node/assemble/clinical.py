"""The site's clinical file: a CSV with one line per patient, checked whole before the node starts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from node.domain.clinical import FINDINGS, OLDEST, Clinical, Value
from node.domain.language import say
from node.domain.series import Patient
from node.domain.spelling import word, words
from node.errors import ConfigError

_MOST_PACK_YEARS = 300.0

_UNKNOWN = frozenset({"", "unknown", "na", "n/a", "nan", "not collected", "-", "?"})


@dataclass(frozen=True, slots=True)
class ClinicalFile:
    """
    Clinical values of many patients.

    Attributes:
        rows: Who to what is known; the issuer is "" throughout when the file has no column for it.
        by_issuer: Whether the file tells patients of several issuers apart.
    """

    rows: Mapping[Patient, Clinical] = field(default_factory=dict, repr=False)
    by_issuer: bool = False

    @classmethod
    def read(cls, path: Path) -> ClinicalFile:
        """
        Read and check a whole file.

        Columns: PatientID (required), IssuerOfPatientID, age (years), sex, smoking, pack_years, histology, and a
        reader's findings: nodal_stage (N0 to N3), solid, central, lymphangitic, effusion, pleural_metastasis,
        lung_metastasis (yes or no); separated by comma, semicolon or tab; UTF-8 with or without byte order mark. Blank
        cells and "unknown" are missing values.

        Raises:
            ConfigError: All mistakes at once, by line number and column; never an identifier or a value.
        """
        rows = list(_numbered(_text(path), path))
        if not rows:
            raise ConfigError(["the file is empty"], at=str(path))
        (_, header), *body = rows
        columns = _columns(header, path)
        table = _Table(columns)
        for line, cells in body:
            table.add(line, cells)
        if table.mistakes:
            raise ConfigError(table.mistakes, at=str(path))
        return cls(table.rows, "issuerofpatientid" in columns)

    def lookup(self, patient: Patient) -> Clinical:
        """What the file knows of a patient; nothing when it does not name the patient."""
        issuer = patient.issuer.strip() if self.by_issuer else ""
        return self.rows.get(Patient(patient.id.strip(), issuer), Clinical())


class _Table:
    """Takes rows one by one; keeps what is right and says what is wrong."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.rows: dict[Patient, Clinical] = {}
        self.mistakes: list[str] = []
        self._lines: dict[Patient, int] = {}

    def add(self, line: int, cells: list[str]) -> None:
        """Take one row of the file."""
        if len(cells) != len(self.columns):
            self.mistakes.append(f"line {line}: has {len(cells)} cells where the header has {len(self.columns)}")
            return
        row = dict(zip(self.columns, (c.strip() for c in cells), strict=True))
        patient = Patient(row.pop("patientid"), row.pop("issuerofpatientid", ""))
        if not patient.id:
            self.mistakes.append(f"line {line}: PatientID is blank")
        elif patient in self._lines:
            self.mistakes.append(f"line {line}: the same patient as in line {self._lines[patient]}")
        else:
            self._lines[patient] = line
            self.rows[patient] = Clinical(self._values(line, row))

    def _values(self, line: int, row: dict[str, str]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, text in row.items():
            if text.casefold() in _UNKNOWN:
                continue
            try:
                values[name] = Value(_VALUES[name](text), say("clinical file, line {line}", line=line))
            except ValueError as error:
                self.mistakes.append(f"line {line}: {name} {error}")
        smoked = values.get("pack_years")
        if smoked and smoked.value and "smoking" in values and values["smoking"].value == "never":
            self.mistakes.append(f"line {line}: smoking is never, but pack_years is above zero")
        return values


def _number(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            raise ValueError("is no number") from None
        if not 0 <= number <= most:
            raise ValueError(f"is not between 0 and {most:g}")
        return number

    return parse


def _level(name: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        found = word(name, text)
        if found is None:
            raise ValueError(f"is none of {', '.join(words(name))}")
        return found

    return parse


_VALUES: dict[str, Callable[[str], float | str]] = {
    "age": _number(OLDEST),
    **{name: _level(name) for name in ("sex", "smoking")},
    "pack_years": _number(_MOST_PACK_YEARS),
    **{name: _level(name) for name in ("histology", "nodal_stage", *FINDINGS)},
}

_KEYS = {"patientid": "PatientID", "issuerofpatientid": "IssuerOfPatientID"}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror}"], at=str(path), do="correct [clinical] csv") from error
    except UnicodeDecodeError as error:
        raise ConfigError(["is not UTF-8 text"], at=str(path), do="save it as CSV UTF-8") from error


def _numbered(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Rows with the number of the line they end on, without empty ones."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise ConfigError([f"line {reader.line_num}: {error}"], at=str(path)) from error
    return rows


def _columns(header: list[str], path: Path) -> list[str]:
    columns = [cell.strip().casefold().replace(" ", "_") for cell in header]
    columns = [c.replace("_", "") if c.replace("_", "") in _KEYS else c for c in columns]
    known = [*_KEYS, *_VALUES]
    # A file without a header has patient data in its first line, so an unknown name is not quoted.
    unknown = [(n, c) for n, c in enumerate(columns, 1) if c not in known]
    mistakes = [f"line 1: the name of column {n} is not known{_hint(c, known)}" for n, c in unknown]
    mistakes += [f"line 1: column {c} stands there twice" for c in known if columns.count(c) > 1]
    if "patientid" not in columns:
        mistakes.append("line 1: there is no column PatientID")
    if mistakes:
        allowed = ", ".join([*_KEYS.values(), *_VALUES])
        raise ConfigError(mistakes, at=str(path), do=f"name the columns {allowed}")
    return columns


def _hint(column: str, known: list[str]) -> str:
    close = get_close_matches(column, known, 1)
    return f"; did you mean {_KEYS.get(close[0], close[0])!r}?" if close else ""
