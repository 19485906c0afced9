"""Our schema.fbs beside the format's current version, as ai-edge-litert installs it: every table, field, enum and union.

Tests that read fixtures miss what no fixture contains.
"""

import inspect
import pathlib
import re

from ai_edge_litert import schema_py_generated as theirs

ROOT = pathlib.Path(__file__).resolve().parents[3]


def our_declarations() -> tuple[dict, dict]:
    """Enums and unions: name -> {member: value}; tables: name -> {number: field}, without deprecated ones."""
    text = re.sub(r"//.*", "", (ROOT / "core" / "tflite" / "schema.fbs").read_text())
    found = re.findall(r"\b(enum|union|table)\s+(\w+)[^{]*\{(.*?)\}", text, re.S)
    unions = {name for kind, name, _ in found if kind == "union"}
    enums, tables = {}, {}
    for kind, name, body in found:
        members = [member.strip() for member in re.split("[,;]", body) if member.strip()]
        if kind == "table":
            fields = []
            for member in members:
                field, type_name = re.match(r"(\w+)\s*:\s*(\[?\w+\]?)", member).groups()
                fields += [field + "_type"] * (type_name in unions) + [None if "(deprecated)" in member else field]
            tables[name] = {number: field for number, field in enumerate(fields) if field}
            continue
        value, enums[name] = 0 if kind == "union" else -1, {"NONE": 0} if kind == "union" else {}
        for member in members:
            label, _, given = member.partition("=")
            value = int(given) if given else value + 1
            enums[name][label.strip()] = value
    return enums, tables


def their_declarations() -> tuple[dict, dict]:
    """The same of the generated classes; the object API's end in T."""
    enums, tables = {}, {}
    for name, found in inspect.getmembers(theirs, inspect.isclass):
        if found.__module__ != theirs.__name__ or name.endswith("T") and hasattr(theirs, name[:-1]):
            continue
        if not hasattr(found, "GetRootAs"):
            enums[name] = {label: value for label, value in vars(found).items()
                           if isinstance(value, int) and not label.startswith("__")}
            continue
        fields = {}
        for field, method in inspect.getmembers(found, inspect.isfunction):
            offsets = re.findall(r"_tab\.Offset\((\d+)\)", inspect.getsource(method))
            if offsets and not re.search(".(AsNumpy|Length|IsNone)$", field):
                fields[(int(offsets[0]) - 4) // 2] = field
        tables[name] = fields
    return enums, tables


def plain(name: str) -> str:
    """builtin_options_type and BuiltinOptionsType are one; the generator puts _ behind words of Python."""
    return name.replace("_", "").lower()


def test_every_enum_and_union_has_every_member():
    ours, theirs_ = our_declarations()[0], their_declarations()[0]
    assert len(theirs_) > 15
    assert ours.keys() == theirs_.keys()
    for name, members in theirs_.items():
        assert {plain(k): v for k, v in ours[name].items()} == {plain(k): v for k, v in members.items()}, name


def test_every_table_has_every_field():
    ours, theirs_ = our_declarations()[1], their_declarations()[1]
    assert len(theirs_) > 150
    assert ours.keys() == theirs_.keys()
    for name, fields in theirs_.items():
        assert {n: plain(f) for n, f in ours[name].items()} == {n: plain(f) for n, f in fields.items()}, name
