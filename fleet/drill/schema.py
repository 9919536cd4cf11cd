"""The JSON schema of a scenario, for editors. ``python -m fleet.drill.schema`` writes it."""

import json

from pydantic.json_schema import GenerateJsonSchema

from elastic_vllm.simulate.scenario import FOLDER, Scenario

PATH = FOLDER / "schema.json"


class _Untitled(GenerateJsonSchema):
    """Without the titles that only repeat each key."""

    def field_title_should_be_set(self, schema: object) -> bool:
        del schema
        return False


def schema() -> dict[str, object]:
    """The schema as plain data. The same models give the same bytes."""
    declared = Scenario.model_json_schema(by_alias=True, schema_generator=_Untitled)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | declared


def text() -> str:
    """The file's content."""
    return json.dumps(schema(), indent=2, ensure_ascii=False).replace("``", "`") + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
