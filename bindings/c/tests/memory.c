/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that holds keys, for memory.py, which looks into it: with the contexts of both profiles
 * before and after they are wiped or freed. It reads keys without stdio, whose buffers nobody wipes.
 * memory FOLDER [leak] */
#include <fcntl.h>
#include <unistd.h>

#include "kit.h"

#define ROOM 8192U
/* One with X-Wing, and one without, whose every secret memory.py works out. */
#define HANDSHAKES 2U

/* What must be told from what: the file of each key. */
static const char *folder;

/* Everything that the library keeps in this program's memory. */
typedef struct contexts {
    sealwax_key_version versions[2];
    sealwax_keyset keyset;
    sealwax_key_version pair_versions[1];
    sealwax_keyset identity;
    sealwax_opening opening;
    sealwax_sealing sealing;
    sealwax_handshake handshakes[HANDSHAKES][2];
    sealwax_session sessions[HANDSHAKES][2];
} contexts;

static contexts held;
static kit_source source = {0x51a5e3f1U, -1};
static sealwax_random randomness = {kit_fill, &source};
static uint8_t secret[ROOM];
static uint8_t device_id[SEALWAX_ID_LEN];

static size_t read_file(const char *name, uint8_t *out, size_t room)
{
    char path[512];
    ssize_t len = -1;
    int file;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = open(path, O_RDONLY);
    if (file >= 0) {
        len = read(file, out, room);
        (void)close(file);
    }
    if (!CLAIM(len > 0)) {
        exit(1);
    }
    return (size_t)len;
}

/* As a compiler cannot leave out. */
static void overwrite(void *at, size_t len)
{
    volatile uint8_t *bytes = at;
    size_t next;
    for (next = 0; next < len; next++) {
        bytes[next] = 0;
    }
}

static void step(const char *name)
{
    char line[16];
    (void)printf("%s\n", name);
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) {
        exit(1);
    }
}

static void show(const char *name, const uint8_t *bytes, size_t len)
{
    size_t at;
    (void)printf("sealed %s ", name);
    for (at = 0; at < len; at++) {
        (void)printf("%02x", bytes[at]);
    }
    (void)printf("\n");
}

static void load(void)
{
    size_t len = read_file("keyset_blob", secret, sizeof secret);
    size_t needed = 0;
    STATUS(sealwax_keyset_load(&held.keyset, held.versions, 2, secret, len, NULL, &needed),
           SEALWAX_OK);
    len = read_file("identity_blob", secret, sizeof secret);
    STATUS(sealwax_identity_load(&held.identity, held.pair_versions, 1, secret, len, NULL, &needed),
           SEALWAX_OK);
    overwrite(secret, sizeof secret);
}

static void seal_and_open(void)
{
    static uint8_t out[ROOM];
    static uint8_t scratch[SEALWAX_FRONT_MAX_LEN];
    size_t len = 0;
    size_t front_len = 0;
    size_t at = 0;
    STATUS(sealwax_token_seal(&held.keyset, &randomness, NULL, 0, (const uint8_t *)"a value", 7, out,
                              sizeof out, &len),
           SEALWAX_OK);
    show("token", out, len);
    STATUS(sealwax_token_open(&held.keyset, NULL, 0, out, len, scratch, sizeof scratch, &at),
           SEALWAX_OK);
    (void)read_file("device_key", secret, SEALWAX_DEVICE_KEY_LEN);
    STATUS(sealwax_sealing_begin_with_device_key(&held.sealing, device_id, secret, NULL,
                                                 &randomness, out, sizeof out, &front_len),
           SEALWAX_OK);
    STATUS(sealwax_sealing_seal_chunk(&held.sealing, (const uint8_t *)"a message", 9,
                                      &out[front_len], sizeof out - front_len, &len),
           SEALWAX_OK);
    show("device", out, front_len + len);
    STATUS(sealwax_opening_begin_with_device_key(&held.opening, device_id, secret, NULL, out,
                                                 front_len + len, scratch, sizeof scratch, &at),
           SEALWAX_OK);
    STATUS(sealwax_opening_open_chunk(&held.opening, 0, &out[at], len, scratch, sizeof scratch, &len),
           SEALWAX_OK);
    overwrite(secret, sizeof secret);
}

/* For the handshake without X-Wing: memory.py is told what was drawn. */
static int32_t draw(void *context, uint8_t *out, size_t out_len)
{
    const int32_t status = kit_fill(context, out, out_len);
    show("drawn", out, out_len);
    return status;
}

static void shake(uint8_t hybrid)
{
    const sealwax_random drawing = {draw, &source};
    sealwax_handshake *handshakes = held.handshakes[hybrid];
    sealwax_session *sessions = held.sessions[hybrid];
    static const uint8_t roles[] = {SEALWAX_ROLE_INITIATOR, SEALWAX_ROLE_RESPONDER};
    static uint8_t keys[2][SEALWAX_PEER_KEY_LEN];
    static uint8_t peers[2][SEALWAX_PEER_KEY_LEN];
    static uint8_t psk[SEALWAX_PSK_LEN];
    sealwax_party parties[2];
    uint8_t message[512];
    size_t len = 0;
    size_t none = 0;
    unsigned side;
    uint8_t is_duplicate = 0;
    (void)read_file("transit_device_private", keys[0], sizeof keys[0]);
    (void)read_file("transit_server_private", keys[1], sizeof keys[1]);
    (void)read_file("transit_psk", psk, sizeof psk);
    (void)memset(parties, 0, sizeof parties);
    for (side = 0; side < 2U; side++) {
        STATUS(sealwax_peer_key(keys[1U - side], peers[side]), SEALWAX_OK);
        parties[side].role = roles[side];
        parties[side].pattern = SEALWAX_PATTERN_IKPSK2;
        parties[side].mode = SEALWAX_MODE_DATAGRAM;
        parties[side].suite = 2;
        parties[side].hybrid = hybrid;
        parties[side].private_key = keys[side];
        parties[side].peers = peers[side];
        parties[side].peer_count = 1;
        parties[side].psk = psk;
        STATUS(sealwax_handshake_begin(&handshakes[side], &parties[side]), SEALWAX_OK);
    }
    for (side = 0; side < 2U; side++) {
        uint8_t long_message[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
        STATUS(sealwax_handshake_write(&handshakes[side], &parties[side],
                                       (hybrid == 0U) ? &drawing : &randomness, NULL, 0,
                                       long_message, sizeof long_message, &len),
               SEALWAX_OK);
        if (hybrid == 0U) {
            show("said", long_message, len);
        }
        STATUS(sealwax_handshake_read(&handshakes[1U - side], &parties[1U - side], long_message,
                                      len, NULL, 0, &none, &is_duplicate),
               SEALWAX_OK);
    }
    for (side = 0; side < 2U; side++) {
        STATUS(sealwax_handshake_finish(&handshakes[side], NULL, 1, &sessions[side]), SEALWAX_OK);
    }
    STATUS(sealwax_session_seal(&sessions[0], 2, (const uint8_t *)"a record", 8, NULL, 0,
                                message, sizeof message, &len),
           SEALWAX_OK);
    overwrite(keys, sizeof keys);
    overwrite(psk, sizeof psk);
}

static void wipe_contexts(void)
{
    unsigned side;
    STATUS(sealwax_keyset_wipe(&held.keyset), SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&held.identity), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&held.opening), SEALWAX_OK);
    STATUS(sealwax_sealing_wipe(&held.sealing), SEALWAX_OK);
    for (side = 0; side < 2U; side++) {
        STATUS(sealwax_handshake_wipe(&held.handshakes[0][side]), SEALWAX_OK);
        STATUS(sealwax_handshake_wipe(&held.handshakes[1][side]), SEALWAX_OK);
        STATUS(sealwax_session_wipe(&held.sessions[0][side]), SEALWAX_OK);
        STATUS(sealwax_session_wipe(&held.sessions[1][side]), SEALWAX_OK);
    }
}

/* The hosted profile: a keyset file under a passphrase, and keys that the library keeps. */
static void work_with_handles(void)
{
    char path[512];
    sealwax_key *passphrase = NULL;
    sealwax_key *keyset = NULL;
    sealwax_key *device = NULL;
    const sealwax_key *keys[2];
    sealwax_options options;
    static uint8_t out[ROOM];
    uint8_t plaintext[16];
    size_t len = 0;
    size_t again = 0;
    (void)snprintf(path, sizeof path, "%s/protected.swxk", folder);
    len = read_file("passphrase", secret, sizeof secret);
    STATUS(sealwax_key_from_passphrase((const char *)secret, len, &passphrase), SEALWAX_OK);
    len = read_file("keyset_blob", secret, sizeof secret);
    STATUS(sealwax_key_parse_keyset(secret, len, NULL, &keyset), SEALWAX_OK);
    (void)read_file("device_key", secret, SEALWAX_DEVICE_KEY_LEN);
    STATUS(sealwax_key_from_device_key(device_id, secret, &device), SEALWAX_OK);
    overwrite(secret, sizeof secret);
    STATUS(sealwax_key_save_keyset(keyset, path, passphrase), SEALWAX_OK);
    sealwax_key_free(keyset);
    STATUS(sealwax_key_load_keyset(path, passphrase, &keyset), SEALWAX_OK);
    keys[0] = keyset;
    keys[1] = device;
    (void)memset(&options, 0, sizeof options);
    options.keys = keys;
    options.key_count = 2;
    STATUS(sealwax_seal_message(&options, (const uint8_t *)"a message", 9, out, sizeof out, &len),
           SEALWAX_OK);
    show("message", out, len);
    STATUS(sealwax_open_message(&options, out, len, plaintext, sizeof plaintext, &again),
           SEALWAX_OK);
    STATUS(sealwax_key_seal_token(keyset, NULL, 0, (const uint8_t *)"a value", 7, out, sizeof out,
                                  &len),
           SEALWAX_OK);
    show("token", out, len);
    step("keys");
    sealwax_key_free(passphrase);
    sealwax_key_free(device);
    sealwax_key_free(keyset);
}

int main(int count, char **arguments)
{
    uint8_t *planted = kit_buffer(ROOM);
    const int leaks = (count > 2) && (strcmp(arguments[2], "leak") == 0);
    size_t len;
    folder = (count > 1) ? arguments[1] : ".";
    /* Buffered in one piece, and with nothing secret in it. */
    (void)setvbuf(stdout, NULL, _IOFBF, 65536);
    (void)read_file("device_key_id", device_id, sizeof device_id);
    len = read_file("keyset_blob", planted, ROOM);
    step("planted");
    if (!leaks) {
        overwrite(planted, len);
    }
    load();
    seal_and_open();
    shake(0);
    shake(1);
    step("held");
    wipe_contexts();
    step("wiped");
    work_with_handles();
    step("freed");
    free(planted);
    return (kit_failed == 0U) ? 0 : 1;
}
