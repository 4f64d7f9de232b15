"""A connector's firmware, and the vehicles it sits in: what the gateway is run against.

    cli, __main__   ``firmware-sim run``
    assembly        a vehicle, and a device plugged into it
    firmware/       the connector: link, sessions, exchanges and timing at the vehicle
    vehicle/        the simulated vehicle: ECUs, their services, fault memory, buses and entity
    buses/          python-can under Trio

Firmware and vehicle meet on the wire alone, so either can be replaced by the real thing: the
firmware by a blocking script on the same python-can channel, the vehicle by one on a SocketCAN
interface. Imports ``protocols``; must never import ``gateway``.
"""
