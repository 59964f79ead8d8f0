# Asks by Python's socket module: `resolve.py address NAME 0|4|6`, `resolve.py name ADDRESS`.
import socket
import sys

FAMILIES = {'0': socket.AF_UNSPEC, '4': socket.AF_INET, '6': socket.AF_INET6}
ERRORS = {socket.EAI_NONAME: 'no name', socket.EAI_NODATA: 'no data'}

try:
    if sys.argv[1] == 'address':
        for found in socket.getaddrinfo(sys.argv[2], None, FAMILIES[sys.argv[3]], socket.SOCK_STREAM):
            print(found[4][0])
    else:
        print(socket.getnameinfo((sys.argv[2], 0), socket.NI_NAMEREQD)[0])
except socket.gaierror as error:
    print(ERRORS.get(error.errno, error))
