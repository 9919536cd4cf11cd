"""How a dataclass that is part of a JSON document spells its keys."""

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

JSON_NAMES = ConfigDict(
    alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
)


class JsonNames:
    """Base of dataclasses that pydantic writes to JSON: keys in camelCase."""

    __pydantic_config__ = JSON_NAMES
