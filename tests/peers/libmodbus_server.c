/* A Modbus server of libmodbus: one unit, the values of pymodbus_server.py, but no holes below its last register.
 *
 *     libmodbus_server tcp PORT
 *     libmodbus_server rtu DEVICE
 */
#include <modbus.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNIT = 1, BITS = 9, REGISTERS = 33 };

static void fill(modbus_mapping_t *map) {
    const uint16_t floats[] = {0x42F6, 0xE979, 0x79E9, 0xF642, 0xF642, 0x79E9, 0xE979, 0x42F6};
    const double third = -1.0e6 / 3;
    uint64_t bits;
    memcpy(map->tab_registers, floats, sizeof floats);
    memcpy(&bits, &third, sizeof bits);
    for (int at = 0; at < 4; at++)
        map->tab_registers[20 + at] = (uint16_t)(bits >> (48 - 16 * at));
    map->tab_registers[10] = (uint16_t)-195;
    map->tab_registers[12] = 0x86A0;
    map->tab_registers[13] = 0x0001;
    map->tab_input_registers[3] = 1234;
    map->tab_bits[5] = 1;
    map->tab_input_bits[8] = 1;
}

static void serve(modbus_t *bus, modbus_mapping_t *map) {
    uint8_t asked[MODBUS_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(bus, asked);
        if (length < 0)
            return;
        if (length > 0)
            modbus_reply(bus, asked, length, map);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 64;
    int tcp = strcmp(argv[1], "tcp") == 0;
    modbus_t *bus = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 9600, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(BITS, BITS, REGISTERS, REGISTERS);
    if (!bus || !map)
        return 70;
    fill(map);
    modbus_set_slave(bus, UNIT);
    if (!tcp) {
        if (modbus_connect(bus) < 0)
            return 74;
        for (;;)
            serve(bus, map);
    }
    int listener = modbus_tcp_listen(bus, 1);
    if (listener < 0)
        return 74;
    while (modbus_tcp_accept(bus, &listener) >= 0) {
        serve(bus, map);
        modbus_close(bus);
    }
    return 0;
}
