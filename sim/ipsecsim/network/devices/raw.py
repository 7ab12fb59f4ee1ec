"""Real network interfaces as ports: AF_PACKET sockets in the real-time loop (Linux, as root).

What `packet(7)` leaves to the reader is done here: VLAN tags that the kernel took out are put back,
checksums and segmentation that it left to hardware are made good, frames that this machine sends
itself are not seen.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Final

from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.offload import HEADER_LENGTH, NOTHING, OffloadError, finish
from ipsecsim.network.realtime import RealTimeLoop

_ETH_P_ALL: Final = 3
_BATCH: Final = 64  # frames read before other events get their turn
_MAX_READ: Final = 256 * 1024  # a frame before segmentation
_RECEIVE_BUFFER: Final = 8 * 1024 * 1024

# linux/if_packet.h, asm-generic/socket.h
_SOL_PACKET: Final = 263
_PACKET_ADD_MEMBERSHIP: Final = 1
_PACKET_STATISTICS: Final = 6
_PACKET_AUXDATA: Final = 8
_PACKET_VNET_HDR: Final = 15
_PACKET_IGNORE_OUTGOING: Final = 23
_PACKET_OUTGOING: Final = 4
_PROMISCUOUS: Final = 1
_SO_RCVBUFFORCE: Final = 33
_AUXDATA: Final = struct.Struct("=IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
_VLAN_VALID: Final = 1 << 4
_VLAN_TPID_VALID: Final = 1 << 6
_ANCILLARY: Final = socket.CMSG_SPACE(_AUXDATA.size)

# linux/sockios.h
_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFADDR: Final = 0x8915
_SIOCGIFMTU: Final = 0x8921
_IFF_UP: Final = 1


class RawInterface:
    """Sends and receives whole Ethernet frames on a network interface.

    It receives promiscuously: whose frames they are is decided by who takes them. `dropped` counts
    frames that could not be sent, `unfit` received ones that could not be completed.
    """

    def __init__(
        self, interface: str, loop: RealTimeLoop, on_frame: Callable[[bytes], None]
    ) -> None:
        """Raises DeviceError if the interface is not there, down, or may not be used."""
        self.interface = interface
        self.dropped = 0
        self.unfit = 0
        self._loop = loop
        self._on_frame = on_frame
        self._buffer = memoryview(bytearray(_MAX_READ))
        self._socket = _open(interface)
        loop.watch(self._socket, self._readable)

    @property
    def mtu(self) -> int:
        """Bytes of IP packet that the interface takes."""
        return int(struct.unpack_from("=i", self._ask(_SIOCGIFMTU), 16)[0])

    @property
    def address(self) -> str | None:
        """An IPv4 address that this machine's own stack has there, None if it has none."""
        try:
            return socket.inet_ntoa(self._ask(_SIOCGIFADDR)[20:24])
        except OSError:
            return None

    def overrun(self) -> int:
        """Frames that came faster than they were read, since this was last asked."""
        octets = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("=II", octets)[1])

    def send(self, frame: bytes) -> None:
        try:
            self._socket.send(NOTHING + frame)
        except OSError:  # the interface is down, its queue full, the frame too long: it gets lost
            self.dropped += 1

    def close(self) -> None:
        self._loop.unwatch(self._socket)
        self._socket.close()

    def _ask(self, request: int) -> bytes:
        return _ask(self._socket, self.interface, request)

    def _readable(self) -> None:
        for _ in range(_BATCH):
            try:
                length, ancillary, _, address = self._socket.recvmsg_into(
                    [self._buffer], _ANCILLARY
                )
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.ENETDOWN, errno.EINTR):
                    self._loop.unwatch(self._socket)  # the interface is gone for good
                return
            if address[2] == _PACKET_OUTGOING:
                continue
            header = bytes(self._buffer[:HEADER_LENGTH])
            frame = bytes(self._buffer[HEADER_LENGTH:length])
            try:
                frames = [frame] if header == NOTHING else finish(frame, header)
            except OffloadError:
                self.unfit += 1
                continue
            tag = _vlan_tag(ancillary)
            for whole in frames:
                self._on_frame(whole[:12] + tag + whole[12:] if tag else whole)


def _open(interface: str) -> socket.socket:
    if not hasattr(socket, "AF_PACKET"):
        raise DeviceError(f"interface {interface}: packet sockets need Linux")
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise DeviceError(f"interface {interface}: needs root (CAP_NET_RAW)") from error
    try:
        _configure(opened, interface)
    except OSError as error:
        opened.close()
        if error.errno == errno.ENODEV:
            there = ", ".join(name for _, name in socket.if_nameindex())
            raise DeviceError(
                f"interface {interface}: no such device; this machine has {there}"
            ) from error
        raise DeviceError(f"interface {interface}: {error.strerror}") from error
    except DeviceError:
        opened.close()
        raise
    return opened


def _configure(opened: socket.socket, interface: str) -> None:
    """Everything before `bind` is in force when the first frame arrives."""
    try:
        index = socket.if_nametoindex(interface)
    except OSError as error:  # it comes without a number
        raise OSError(errno.ENODEV, "no such device") from error
    flags = struct.unpack_from("=H", _ask(opened, interface, _SIOCGIFFLAGS), 16)[0]
    if not flags & _IFF_UP:
        raise DeviceError(
            f"interface {interface}: is down (bring it up: ip link set {interface} up)"
        )
    opened.setblocking(False)
    opened.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    with contextlib.suppress(OSError):  # before Linux 4.20: _readable tells them apart
        opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    membership = struct.pack("=iHH8s", index, _PROMISCUOUS, 0, b"")
    opened.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
    opened.bind((interface, _ETH_P_ALL))


def _ask(opened: socket.socket, interface: str, request: int) -> bytes:
    """An ioctl about an interface (`struct ifreq`, name in the first 16 octets)."""
    return fcntl.ioctl(opened, request, struct.pack("=16s24x", interface.encode()[:15]))


def _vlan_tag(ancillary: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The 802.1Q tag that the kernel took out of the frame, b"" if there was none."""
    for level, kind, octets in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(octets) >= _AUXDATA.size:
            status, *_, tci, tpid = _AUXDATA.unpack_from(octets)
            if status & _VLAN_VALID:
                return struct.pack(">HH", tpid if status & _VLAN_TPID_VALID else 0x8100, tci)
    return b""
