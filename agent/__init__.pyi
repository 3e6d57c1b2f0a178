from typing import Final

from agent.app.api import Device as Device
from agent.app.api import NotSeen as NotSeen
from agent.app.hands import Refused as Refused
from agent.app.witness import Event as Event
from agent.app.witness import Request as Request

__all__ = ["Device", "Event", "NotSeen", "Refused", "Request", "__version__"]

__version__: Final[str]
