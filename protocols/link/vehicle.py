"""What a connector offers, and how requests name what is behind it.

Records inside messages; members may be added at the end with a default, as in the messages.
"""

from __future__ import annotations

import msgspec


class BusInfo(msgspec.Struct, frozen=True, array_like=True):
    """One vehicle bus at the connector.

    Attributes:
        name: how requests name it (``can0``); unique at its connector.
        kind: ``can``, ``can-fd`` or ``doip``.
        bitrate: nominal bit rate, bit/s; 0 for DoIP.
        data_bitrate: bit rate of the CAN-FD data phase, bit/s; 0 where there is none.
    """

    name: str
    kind: str
    bitrate: int = 0
    data_bitrate: int = 0


class IsoTpOptions(msgspec.Struct, frozen=True, array_like=True):
    """How ISO-TP is spoken with one control unit; ``None`` leaves it as it is on the bus.

    Attributes:
        fd: send CAN-FD frames; needs a CAN-FD bus.
        brs: switch to the higher bit rate for the data phase; CAN-FD only.
        tx_dl: longest frame sent, bytes: 8, or 12, 16, 20, 24, 32, 48, 64 with CAN-FD.
        padding: byte that fills frames, or -1 for none.
        stmin: separation time asked of the control unit, as the byte of the flow control.
        block_size: frames taken before the next flow control; 0 takes all.
        wait_limit: how many flow controls "wait" in a row are obeyed.
    """

    fd: bool | None = None
    brs: bool | None = None
    tx_dl: int | None = None
    padding: int | None = None
    stmin: int | None = None
    block_size: int | None = None
    wait_limit: int | None = None


class EcuInfo(msgspec.Struct, frozen=True, array_like=True):
    """One control unit the connector knows how to reach.

    Attributes:
        name: what people call it (``engine``).
        bus: name of its bus.
        request_id: CAN id that reaches it, ``None`` on DoIP.
        response_id: CAN id it answers from.
        logical_address: its DoIP address (ISO 13400-2 table 13), ``None`` on CAN.
        extended: 29-bit CAN identifiers.
        mode: ISO 15765-2 addressing, as in :class:`CanTarget`.
        target_address: its N_TA, for extended addressing.
        source_address: the tester's N_SA, for extended addressing.
        address_extension: N_AE, for mixed addressing.
        isotp: how ISO-TP is spoken with it, where that is not as on the bus.
    """

    name: str
    bus: str
    request_id: int | None = None
    response_id: int | None = None
    logical_address: int | None = None
    extended: bool = False
    mode: str = "normal"
    target_address: int | None = None
    source_address: int | None = None
    address_extension: int | None = None
    isotp: IsoTpOptions | None = None


class Capabilities(msgspec.Struct, frozen=True, array_like=True):
    """What the connector offers on this link.

    Attributes:
        buses: its vehicle buses.
        ecus: control units known for the vehicle it sits in.
        isotp: ISO-TP and the UDS timing run on board; without it only raw frames are offered.
        jobs: whole transfers can be handed over.
        software: firmware version number.
        hardware: hardware version number.
    """

    buses: tuple[BusInfo, ...] = ()
    ecus: tuple[EcuInfo, ...] = ()
    isotp: bool = True
    jobs: bool = False
    software: int = 0
    hardware: int = 0


class CanTarget(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A control unit on CAN, by its ids.

    Attributes:
        request_id: CAN id of the request.
        response_id: CAN id of the answer; ``None`` sends functionally and gathers answers.
        bus: name of the bus, or empty for the connector's first CAN bus.
        extended: 29-bit identifiers.
        mode: ISO 15765-2 addressing, ``normal``, ``normal_fixed``, ``extended`` or ``mixed``.
        target_address: N_TA of the control unit, or of all of them, for extended addressing.
        source_address: N_SA of the tester, for extended addressing.
        address_extension: N_AE, for mixed addressing.
        isotp: how ISO-TP is spoken with it; left out, as the connector knows of it, or as on
            the bus.
    """

    request_id: int
    response_id: int | None = None
    bus: str = ""
    extended: bool = False
    mode: str = "normal"
    target_address: int | None = None
    source_address: int | None = None
    address_extension: int | None = None
    isotp: IsoTpOptions | None = None


class DoipTarget(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A control unit on DoIP, by its logical address."""

    logical_address: int
    functional: bool = False


class FunctionalTarget(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """All control units of a bus: 7DF on CAN (ISO 15765-4), E400 on DoIP."""

    bus: str = ""


Target = CanTarget | DoipTarget | FunctionalTarget


class FrameFilter(msgspec.Struct, frozen=True, array_like=True):
    """Frames whose ``id & mask == self.id & mask``, of this identifier length."""

    id: int
    mask: int
    extended: bool = False
