"""A typed client of a node's API: synchronous (`Desk`) and asynchronous (`AsyncDesk`), over the node's own Structs.

    from detente.client import Desk

    with Desk("http://alfa.localhost:8440", token) as desk:
        for alert in desk.alerts():
            print(alert.alert, alert.level, alert.state)
        desk.hotline.send("bravo", "watch", "Lights on at the cape?")

Who acts is the token's account. What binds a party, and FLASH, takes a person at the desk: `Refused` says so.
"""

from detente.client.aio import AsyncDesk
from detente.client.asking import Refused, Tracks, Unreachable, Zones
from detente.client.sync import Desk

__all__ = ["AsyncDesk", "Desk", "Refused", "Tracks", "Unreachable", "Zones"]
