"""The stack's configuration, as the engine hands it to the program."""

import os

import pulumi
from pulumi.runtime import config as runtime

from model.settings import Settings
from model.stack_config import ConfigurationError, StackConfig, read_settings


def load_settings() -> Settings:
    """The settings of the current stack. Raises pulumi.RunError with one line per mistake."""
    keys = {**runtime.get_config_env(), **runtime.CONFIG.get()}
    config = StackConfig(
        project=pulumi.get_project(),
        stack=pulumi.get_stack(),
        values={key: str(runtime.get_config(key)) for key in keys},
        secrets={key for key in keys if runtime.is_config_secret(key)},
    )
    try:
        return read_settings(config, os.environ)
    except ConfigurationError as error:
        raise pulumi.RunError(str(error)) from None
