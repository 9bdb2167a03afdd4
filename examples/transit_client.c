/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A client that talks through an authenticated, encrypted TCP connection:
 *
 *     transit_client HOST-ADDRESS PORT PRIVATE-KEY-FILE SERVER-KEY-FILE PSK-FILE < lines
 *
 * It sends each line of its input as a record, and prints the record that answers it. Key files are
 * 32 bytes. bindings/c/examples/transit_peer.rs is a server for it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sealwax.h"

#define MAX_LINE 4096

static void stop(const char *what, int32_t status)
{
    (void)fprintf(stderr, "transit_client: %s: %s\n", what, sealwax_status_name(status));
    exit(1);
}

static void need(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static int32_t fill(void *context, uint8_t *out, size_t out_len)
{
    (void)context;
    return (getrandom(out, out_len, 0) == (ssize_t)out_len) ? 0 : -1;
}

/* Milliseconds of a clock that never steps back. */
static uint64_t now(void)
{
    struct timespec time;
    need(clock_gettime(CLOCK_MONOTONIC, &time) == 0, "clock_gettime");
    return (uint64_t)time.tv_sec * 1000U + (uint64_t)time.tv_nsec / 1000000U;
}

static void read_key(const char *path, uint8_t *key)
{
    FILE *file = fopen(path, "rb");
    need(file != NULL, path);
    need(fread(key, 1, 32, file) == 32U, path);
    (void)fclose(file);
}

/* A message or record in a stream stands after its length in two bytes. */
static void put(int socket_at, const uint8_t *bytes, size_t len)
{
    const uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    size_t sent = 0;
    need(write(socket_at, head, 2) == 2, "write");
    while (sent < len) {
        const ssize_t more = write(socket_at, &bytes[sent], len - sent);
        need(more > 0, "write");
        sent += (size_t)more;
    }
}

static void get_exactly(int socket_at, uint8_t *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        const ssize_t more = read(socket_at, &out[got], len - got);
        /* An end without a close is not the end that the peer meant. */
        need(more > 0, "the connection was cut");
        got += (size_t)more;
    }
}

static size_t get(int socket_at, uint8_t *out, size_t out_size)
{
    uint8_t head[2];
    size_t len;
    get_exactly(socket_at, head, 2);
    len = ((size_t)head[0] << 8) | head[1];
    need(len <= out_size, "a message that is too long");
    get_exactly(socket_at, out, len);
    return len;
}

static void shake(int socket_at, const sealwax_party *party, const sealwax_random *random,
                  sealwax_session *session)
{
    static uint8_t message[SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN];
    static uint8_t context[SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN];
    sealwax_handshake handshake = SEALWAX_HANDSHAKE_INIT;
    size_t len = 0;
    size_t context_len = 0;
    uint8_t is_duplicate = 0;
    int32_t status = sealwax_handshake_begin(&handshake, party);
    if (status == SEALWAX_OK) {
        status = sealwax_handshake_write(&handshake, party, random, NULL, 0, message,
                                         sizeof message, &len);
    }
    if (status == SEALWAX_OK) {
        put(socket_at, message, len);
        len = get(socket_at, message, sizeof message);
        status = sealwax_handshake_read(&handshake, party, message, len, context, sizeof context,
                                        &context_len, &is_duplicate);
    }
    if (status == SEALWAX_OK) {
        status = sealwax_handshake_finish(&handshake, NULL, now(), session);
    }
    (void)sealwax_handshake_wipe(&handshake);
    if (status != SEALWAX_OK) {
        stop("the handshake", status);
    }
}

/* Waits for a record with an answer, or for the end. Returns 0 at the end. */
static int hear(int socket_at, sealwax_session *session)
{
    static uint8_t record[SEALWAX_RECORD_MAX_PLAINTEXT_LEN + SEALWAX_RECORD_OVERHEAD];
    uint8_t *plaintext = &record[SEALWAX_RECORD_HEADER_LEN];
    for (;;) {
        sealwax_record opened;
        size_t plaintext_len = 0;
        const size_t len = get(socket_at, record, sizeof record);
        const int32_t status = sealwax_session_open(
            session, now(), record, len, NULL, 0, plaintext,
            sizeof record - SEALWAX_RECORD_HEADER_LEN, &plaintext_len, &opened);
        if (status != SEALWAX_OK) {
            stop("a record", status);
        }
        if (opened.content == SEALWAX_CONTENT_DATA) {
            (void)fwrite(plaintext, 1, plaintext_len, stdout);
            return 1;
        }
        if (opened.content == SEALWAX_CONTENT_CLOSE) {
            return 0;
        }
    }
}

int main(int count, char **arguments)
{
    uint8_t private_key[32];
    uint8_t server_key[32];
    uint8_t psk[32];
    static uint8_t record[MAX_LINE + SEALWAX_RECORD_OVERHEAD];
    static char line[MAX_LINE];
    size_t len = 0;
    int32_t status;
    struct sockaddr_in address;
    const sealwax_random random = {fill, NULL};
    sealwax_session session = SEALWAX_SESSION_INIT;
    sealwax_party party;
    int socket_at;
    if (count != 6) {
        (void)fprintf(stderr, "transit_client ADDRESS PORT PRIVATE-KEY SERVER-KEY PSK\n");
        return 2;
    }
    read_key(arguments[3], private_key);
    read_key(arguments[4], server_key);
    read_key(arguments[5], psk);
    (void)memset(&party, 0, sizeof party);
    party.role = SEALWAX_ROLE_INITIATOR;
    party.pattern = SEALWAX_PATTERN_IKPSK2;
    party.mode = SEALWAX_MODE_STREAM;
    party.prologue = (const uint8_t *)"echo/1";
    party.prologue_len = 6;
    party.private_key = private_key;
    party.peers = server_key;
    party.peer_count = 1;
    party.psk = psk;

    (void)memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)strtoul(arguments[2], NULL, 10));
    need(inet_pton(AF_INET, arguments[1], &address.sin_addr) == 1, arguments[1]);
    socket_at = socket(AF_INET, SOCK_STREAM, 0);
    need(socket_at >= 0, "socket");
    need(connect(socket_at, (const struct sockaddr *)&address, sizeof address) == 0, "connect");

    shake(socket_at, &party, &random, &session);
    while (fgets(line, sizeof line, stdin) != NULL) {
        status = sealwax_session_seal(&session, now(), (const uint8_t *)line, strlen(line), NULL, 0,
                                      record, sizeof record, &len);
        if (status != SEALWAX_OK) {
            stop("sealing", status);
        }
        put(socket_at, record, len);
        need(hear(socket_at, &session), "the server ended too early");
    }
    status = sealwax_session_close(&session, now(), record, sizeof record, &len);
    if (status != SEALWAX_OK) {
        stop("closing", status);
    }
    put(socket_at, record, len);
    while (hear(socket_at, &session)) {
    }
    (void)sealwax_session_wipe(&session);
    (void)close(socket_at);
    return 0;
}
