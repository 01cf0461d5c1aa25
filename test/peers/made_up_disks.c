/*
 * Makes smartctl see disks that are not there: preloaded (LD_PRELOAD), it opens /dev/nvme* and
 * /dev/sd* and answers their NVMe admin commands and SCSI commands from tables, as the NVM Express
 * base specification 1.3, SAT-4 and ACS-4 lay them out. Only what `smartctl -a -l ssd` asks for.
 *
 *   gcc -shared -fPIC -o disks.so made_up_disks.c
 *   HEALTH=good|foretold|failing POWER=on|standby LD_PRELOAD=./disks.so smartctl -a /dev/sda
 *   OPEN=denied: nobody may open them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { NOT_OURS = -2, SECTOR = 512 };

static int nvme_fd = -1;
static int scsi_fd = -1;

static int is(const char *variable, const char *value) {
    const char *set = getenv(variable);
    return set != NULL && strcmp(set, value) == 0;
}

/* A text filled up with blanks. */
static void text(uint8_t *at, const char *value, size_t length) {
    memset(at, ' ', length);
    memcpy(at, value, strlen(value));
}

/* The same with the bytes of each word swapped, as ATA has its texts. */
static void ata_text(uint8_t *at, const char *value, size_t length) {
    text(at, value, length);
    for (size_t i = 0; i < length; i += 2) {
        uint8_t first = at[i];
        at[i] = at[i + 1];
        at[i + 1] = first;
    }
}

static void number(uint8_t *at, uint64_t value, size_t length) { memcpy(at, &value, length); }

/* --- NVMe -------------------------------------------------------------------------------- */

static void nvme_identify(uint8_t *data, unsigned structure) {
    if (structure == 1) { /* controller */
        text(data + 4, "S4XXNF0M000001", 20);
        text(data + 24, "MADE OF BYTES NVMe 960GB", 40);
        text(data + 64, "1.0", 8);
        number(data + 80, 0x10300, 4);         /* version 1.3 */
        number(data + 280, 960197124096, 8);   /* capacity */
        number(data + 516, 1, 4);              /* namespaces */
        return;
    }
    static const uint8_t eui[8] = {0x00, 0x25, 0x38, 0x5b, 0x11, 0xb0, 0xc2, 0xd4};
    for (int field = 0; field < 3; field += 1) number(data + 8 * field, 1875385008, 8);
    memcpy(data + 120, eui, sizeof eui);
    data[130] = 9; /* sectors of 2^9 bytes */
}

static void nvme_health(uint8_t *data) {
    int failing = is("HEALTH", "failing");
    data[0] = failing ? 0x05 : 0;                  /* spare below its limit, reliability degraded */
    number(data + 1, failing ? 351 : 311, 2);      /* K */
    data[3] = failing ? 4 : 100;                   /* spare */
    data[4] = 10;                                  /* its limit */
    data[5] = failing ? 103 : 7;                   /* used */
    number(data + 112, 12, 8);                     /* power cycles */
    number(data + 128, 17520, 8);                  /* hours */
    number(data + 144, failing ? 41 : 9, 8);       /* unsafe shutdowns */
    number(data + 160, failing ? 27 : 0, 8);       /* media errors */
}

static int nvme(struct nvme_passthru_cmd *command) {
    uint8_t *data = (uint8_t *)(uintptr_t)command->addr;
    if (data != NULL) memset(data, 0, command->data_len);
    if (command->opcode == 0x06) nvme_identify(data, command->cdw10 & 0xff);
    else if (command->opcode == 0x02 && (command->cdw10 & 0xff) == 2) nvme_health(data);
    else if (command->opcode != 0x02) return 1; /* invalid opcode */
    return 0;
}

/* --- SATA -------------------------------------------------------------------------------- */

static const struct { int id, flags, value, worst, limit; uint64_t raw; } attributes[] = {
    {1, 0x2f, 100, 100, 51, 0}, {5, 0x33, 100, 100, 10, 8},    {9, 0x32, 90, 90, 0, 43210},
    {12, 0x32, 100, 100, 0, 55}, {187, 0x32, 98, 98, 0, 2},     {194, 0x22, 66, 52, 0, 34},
    {197, 0x32, 100, 100, 0, 16}, {198, 0x30, 100, 100, 0, 3},  {199, 0x3e, 200, 200, 0, 0},
};

static void closed(uint8_t *sector) {
    uint8_t sum = 0;
    for (int i = 0; i < SECTOR - 1; i += 1) sum += sector[i];
    sector[SECTOR - 1] = (uint8_t)-sum;
}

static void ata_identify(uint8_t *data) {
    static const struct { int word, value; } words[] = {
        {0, 0x0040},  {49, 0x0f00}, {53, 6},       {60, 0xffff}, {61, 0x0fff},  {76, 0x850e},
        {78, 0x40},   {80, 0x0ff0}, {82, 0x746b},  {83, 0x7d01}, {84, 0x4163},  {85, 0x7469},
        {86, 0xbc01}, {87, 0x4163}, {106, 0x4000}, {108, 0x5000}, {109, 0xc500}, {110, 0xa1b2},
        {111, 0xc3d4}, {217, 1},    {222, 0x10ff},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i += 1) {
        number(data + 2 * words[i].word, words[i].value, 2);
    }
    ata_text(data + 20, "BYTES0001", 20);
    ata_text(data + 46, "1.0", 8);
    ata_text(data + 54, "MADE OF BYTES SATA 960GB", 40);
    number(data + 200, 1875385008, 8);
}

static void ata_attributes(uint8_t *data, int limits) {
    int below = is("HEALTH", "failing") || is("HEALTH", "foretold");
    data[0] = 1;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i += 1) {
        uint8_t *entry = data + 2 + 12 * i;
        entry[0] = attributes[i].id;
        if (limits) {
            entry[1] = attributes[i].limit;
            continue;
        }
        entry[1] = attributes[i].flags;
        entry[3] = below && attributes[i].id == 5 ? 5 : attributes[i].value;
        entry[4] = below && attributes[i].id == 5 ? 5 : attributes[i].worst;
        number(entry + 5, attributes[i].raw, 6);
    }
    if (!limits) {
        data[367] = 0x5b;
        data[368] = 3;
        data[369] = 1;
    }
    closed(data);
}

/* Device statistics: page 0 lists pages, page 7 is about solid state devices. */
static void ata_statistics(uint8_t *data, unsigned length, unsigned first) {
    for (unsigned i = 0; i * SECTOR < length; i += 1) {
        uint8_t *page = data + i * SECTOR;
        if (first + i == 0) memcpy(page, "\1\0\0\0\0\0\0\0\2\0\7", 11);
        if (first + i == 7) memcpy(page, "\1\0\7\0\0\0\0\0\15\0\0\0\0\0\0\300", 16);
    }
}

/* What comes back in the registers. */
struct registers { uint8_t count, middle, high, error; };

static void ata(const uint8_t *cdb, uint8_t *data, unsigned length, struct registers *out) {
    uint8_t command = cdb[14], feature = cdb[4], log = cdb[8];
    if (data != NULL) memset(data, 0, length);
    out->middle = 0x4f;
    out->high = 0xc2;
    if (command == 0xec) ata_identify(data);
    else if (command == 0xe5) out->count = is("POWER", "standby") ? 0x00 : 0xff;
    else if (command == 0x2f || (command == 0xb0 && feature == 0xd5)) {
        if (log == 0) {
            data[0] = 1;
            data[2 * 4] = 8;
        } else if (log == 4) ata_statistics(data, length, cdb[10]);
        else {
            data[0] = 1;
            closed(data);
        }
    } else if (command == 0xb0 && feature == 0xd0) ata_attributes(data, 0);
    else if (command == 0xb0 && feature == 0xd1) ata_attributes(data, 1);
    else if (command == 0xb0 && feature == 0xda && is("HEALTH", "failing")) {
        out->middle = 0xf4;
        out->high = 0x2c;
    } else if (command != 0xb0) out->error = 4; /* aborted */
}

static int scsi(sg_io_hdr_t *io) {
    uint8_t *data = io->dxferp, *sense = io->sbp;
    const uint8_t *cdb = io->cmdp;
    struct registers out = {0};
    io->status = io->host_status = io->driver_status = io->sb_len_wr = 0;
    io->resid = 0;
    if (cdb[0] == 0x12 && (cdb[1] & 1) == 0) { /* INQUIRY */
        memset(data, 0, io->dxfer_len);
        data[2] = 5;
        data[3] = 2;
        data[4] = 91;
        text(data + 8, "ATA", 8);
        text(data + 16, "MADE OF BYTES", 16);
        text(data + 32, "1.0", 4);
        return 0;
    }
    if (cdb[0] == 0x00) return 0; /* TEST UNIT READY */
    int wants_registers = 0;
    if (cdb[0] == 0x85) { /* ATA PASS-THROUGH (16) */
        wants_registers = cdb[2] & 0x20;
        ata(cdb, data, io->dxfer_len, &out);
        if (!wants_registers && out.error == 0) return 0;
        memset(sense, 0, 22);
        sense[0] = 0x72;
        sense[1] = out.error == 0 ? 0x01 : 0x0b;
        sense[3] = 0x1d;
        sense[7] = 14;
        sense[8] = 9; /* ATA status return */
        sense[9] = 12;
        sense[11] = out.error;
        sense[13] = out.count;
        sense[17] = out.middle;
        sense[19] = out.high;
        sense[20] = 0xa0;
        sense[21] = out.error == 0 ? 0x50 : 0x51;
        io->sb_len_wr = 22;
    } else { /* ILLEGAL REQUEST */
        memset(sense, 0, 18);
        sense[0] = 0x70;
        sense[2] = 0x05;
        sense[7] = 10;
        sense[12] = 0x20;
        io->sb_len_wr = 18;
    }
    io->status = 2;
    io->driver_status = 8;
    return 0;
}

/* --- in place of the C library's -------------------------------------------------------- */

static int opened(const char *path) {
    int is_nvme = strncmp(path, "/dev/nvme", 9) == 0;
    if (!is_nvme && strncmp(path, "/dev/sd", 7) != 0) return NOT_OURS;
    if (is("OPEN", "denied")) {
        errno = EACCES;
        return -1;
    }
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = real("/dev/null", O_RDWR);
    if (is_nvme) nvme_fd = fd;
    else scsi_fd = fd;
    return fd;
}

int open(const char *path, int flags, ...) {
    int fd = opened(path);
    if (fd != NOT_OURS) return fd;
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}

int __open_2(const char *path, int flags) {
    int fd = opened(path);
    if (fd != NOT_OURS) return fd;
    int (*real)(const char *, int) = dlsym(RTLD_NEXT, "__open_2");
    return real(path, flags);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd == nvme_fd && request == NVME_IOCTL_ADMIN_CMD) return nvme(argument);
    if (fd >= 0 && fd == nvme_fd && request == NVME_IOCTL_ID) return 1;
    if (fd >= 0 && fd == scsi_fd && request == SG_IO) return scsi(argument);
    int (*real)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
