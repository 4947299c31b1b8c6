"""What every part of a policy file is made of. Pure."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from changegate.policy_defects import PATH

Name = Annotated[str, Field(min_length=1, max_length=200)]
PathPattern = Annotated[str, Field(pattern=PATH)]


class Rules(BaseModel):
    """Base of everything in a policy: frozen, kebab-case in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        strict=True,
    )
