"""A Modbus server of pymodbus 3.0: one unit, values of every type, holes in between.

    pymodbus_server.py tcp|rtu_over_tcp|ascii_over_tcp PORT AIR
    pymodbus_server.py rtu|ascii DEVICE AIR

AIR is what holding register 10 holds, tenths of a degree. Registers that are not listed are illegal addresses.
"""

import asyncio
import struct
import sys

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.framer.ascii_framer import ModbusAsciiFramer
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer

FRAMERS = {
    "tcp": ModbusSocketFramer,
    "rtu_over_tcp": ModbusRtuFramer,
    "ascii_over_tcp": ModbusAsciiFramer,
    "rtu": ModbusRtuFramer,
    "ascii": ModbusAsciiFramer,
}


def words(data):
    return list(struct.unpack(f">{len(data) // 2}H", data))


def floats():
    a, b, c, d = struct.pack(">f", 123.456)
    return bytes([a, b, c, d, d, c, b, a, b, a, d, c, c, d, a, b])


def context(air):
    holding = dict(enumerate(words(floats())))
    holding[10] = air & 0xFFFF
    holding.update(enumerate([0x86A0, 0x0001], 12))
    holding.update(enumerate(words(struct.pack(">d", -1.0e6 / 3)), 20))
    # Beside the hole at 31.
    holding.update({30: 300, 32: 320})
    unit = ModbusSlaveContext(
        hr=ModbusSparseDataBlock(holding),
        ir=ModbusSparseDataBlock({3: [1234]}),
        co=ModbusSparseDataBlock({5: [True]}),
        di=ModbusSparseDataBlock({7: [False, True]}),
        zero_mode=True,
    )
    return ModbusServerContext(slaves={1: unit}, single=False)


async def main(kind, where, air):
    framer = FRAMERS[kind]
    if kind in ("rtu", "ascii"):
        await StartAsyncSerialServer(context(air), framer=framer, port=where, baudrate=9600, parity="N", timeout=1)
    else:
        await StartAsyncTcpServer(context(air), framer=framer, address=("127.0.0.1", int(where)), allow_reuse_address=True)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
