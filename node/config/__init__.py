"""config.toml: read once, frozen, passed on by section; nobody imports it as a global."""

from node.config.reading import parse, read_config
from node.config.sections import Config

__all__ = ["Config", "parse", "read_config"]
