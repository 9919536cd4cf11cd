"""Property values to and from the protobuf structs that the Pulumi SDK exchanges with an engine."""

from collections.abc import Mapping
from typing import Final

from google.protobuf import struct_pb2

from elastic_vllm.testing.values import UNKNOWN, Secret, Unknown

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a mark on the wire
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def decode_struct(struct: struct_pb2.Struct) -> dict[str, object]:
    """A struct of properties as plain Python."""
    return {key: decode(value) for key, value in struct.fields.items()}


def decode(value: struct_pb2.Value) -> object:
    """One value. The wire has only floats; a whole one becomes the int that it was."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return _decode_marked(value.struct_value)
        case "list_value":
            return [decode(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
        case "bool_value":
            return value.bool_value
    return None


def _decode_marked(struct: struct_pb2.Struct) -> object:
    """A struct is an object unless it carries a signature: a secret, or a resource (named by its URN)."""
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature == SECRET:
        return Secret(decode(fields["value"]))
    if signature == _RESOURCE:
        return fields["urn"].string_value
    return decode_struct(struct)


def encode_struct(values: Mapping[str, object]) -> struct_pb2.Struct:
    """Plain Python as a struct of properties; the marks go back onto the wire."""
    return struct_pb2.Struct(fields={key: encode(value) for key, value in values.items()})


def encode(value: object) -> struct_pb2.Value:  # noqa: PLR0911  # one for each type
    """One value, of those that ``decode`` makes."""
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=UNKNOWN_TEXT)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Secret):
        return encode({SIGNATURE: SECRET, "value": value.value})
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode_struct(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[encode(item) for item in value]))
    return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
