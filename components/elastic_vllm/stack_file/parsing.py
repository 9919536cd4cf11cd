"""From plain data to a ``StackConfig`` that keeps every rule, or one error that names every key to change."""

from collections.abc import Mapping

from pydantic import ValidationError

from elastic_vllm import rules as checks
from elastic_vllm.section import frozen
from elastic_vllm.spec.finding import STACK_FILE, StackConfigError
from elastic_vllm.spec.stack import StackConfig
from elastic_vllm.spec.translation import findings_of


def parse(raw: Mapping[str, object]) -> StackConfig:
    """Check the sections of a stack (``cluster``, ``pools``, …) and the rules between them."""
    config = validate(raw)
    errors = checks.errors(config)
    if errors:
        raise StackConfigError(errors)
    return config


def validate(raw: Mapping[str, object]) -> StackConfig:
    """Check each section by itself, and leave the rules between them to the caller.

    Strict as the JSON schema is: no number in quotes, no field by its Python name.
    """
    try:
        return StackConfig.model_validate(frozen(raw), strict=True, by_alias=True, by_name=False)
    except ValidationError as problem:
        raise StackConfigError(findings_of(problem, raw)) from None
    except RecursionError:
        message = "refers to itself, or is nested too deeply; a stack file is a plain tree"
        raise StackConfigError([STACK_FILE.at("config", message)]) from None
