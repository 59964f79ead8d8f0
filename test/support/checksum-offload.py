# Whether the kernel leaves checksums to an interface: `on` or `off`, after it was set if that is asked for. IFNAME [on|off]
import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946
ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM = 0x16, 0x17


def call(command, value=0):
    data = array.array("B", struct.pack("II", command, value))
    request = struct.pack("16sP", sys.argv[1].encode(), data.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SIOCETHTOOL, request)
    return struct.unpack("II", data.tobytes())[1]


for wanted in sys.argv[2:]:
    call(ETHTOOL_STXCSUM, int(wanted == "on"))
print("on" if call(ETHTOOL_GTXCSUM) else "off")
