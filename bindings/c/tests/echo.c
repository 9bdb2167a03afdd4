/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The answering side of examples/transit_client.c, for clients of the other faces:
 *
 *     echo PRIVATE-KEY-FILE CLIENT-KEY-FILE PSK-FILE
 *
 * Prints the TCP port that it listens on, takes one client, and sends back what each record says. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit.h"

static uint8_t message[SEALWAX_RECORD_MAX_PLAINTEXT_LEN + SEALWAX_RECORD_OVERHEAD];
static uint8_t answer[SEALWAX_RECORD_MAX_PLAINTEXT_LEN + SEALWAX_RECORD_OVERHEAD];
static sealwax_handshake handshake = SEALWAX_HANDSHAKE_INIT;
static sealwax_session session = SEALWAX_SESSION_INIT;

static void need(int holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "echo: %s\n", what);
        exit(1);
    }
}

static void ok(int32_t status, const char *what)
{
    if (status != SEALWAX_OK) {
        (void)fprintf(stderr, "echo: %s: %s\n", what, sealwax_status_name(status));
        exit(1);
    }
}

static int32_t fill(void *context, uint8_t *out, size_t len)
{
    (void)context;
    return (getrandom(out, len, 0) == (ssize_t)len) ? 0 : -1;
}

static void read_key(const char *path, uint8_t *key)
{
    FILE *file = fopen(path, "rb");
    need((file != NULL) && (fread(key, 1, 32, file) == 32U), path);
    (void)fclose(file);
}

static void get(int from, uint8_t *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        const ssize_t more = read(from, &out[got], len - got);
        need(more > 0, "the connection was cut");
        got += (size_t)more;
    }
}

static size_t get_framed(int from)
{
    uint8_t head[2];
    size_t len;
    get(from, head, 2);
    len = ((size_t)head[0] << 8) | head[1];
    need(len <= sizeof message, "a message that is too long");
    get(from, message, len);
    return len;
}

static void put_framed(int to, size_t len)
{
    const uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    size_t sent = 0;
    need(write(to, head, 2) == 2, "write");
    while (sent < len) {
        const ssize_t more = write(to, &answer[sent], len - sent);
        need(more > 0, "write");
        sent += (size_t)more;
    }
}

static void shake(int with, const sealwax_party *party)
{
    const sealwax_random random = {fill, NULL};
    uint8_t context[SEALWAX_HANDSHAKE_MAX_CONTEXT_LEN];
    size_t context_len = 0;
    size_t len = get_framed(with);
    uint8_t is_duplicate = 0;
    ok(sealwax_handshake_begin(&handshake, party), "begin");
    ok(sealwax_handshake_read(&handshake, party, message, len, context, sizeof context,
                              &context_len, &is_duplicate),
       "message 1");
    ok(sealwax_handshake_write(&handshake, party, &random, NULL, 0, answer, sizeof answer, &len),
       "message 2");
    put_framed(with, len);
    ok(sealwax_handshake_finish(&handshake, NULL, 0, &session), "finish");
    ok(sealwax_handshake_wipe(&handshake), "wipe");
}

static void talk(int with)
{
    sealwax_record opened = {0, 0, SEALWAX_CONTENT_EMPTY, {0}};
    size_t len = 0;
    while (opened.content != SEALWAX_CONTENT_CLOSE) {
        uint8_t *plaintext = &message[SEALWAX_RECORD_HEADER_LEN];
        const size_t record_len = get_framed(with);
        ok(sealwax_session_open(&session, 1, message, record_len, NULL, 0, plaintext,
                                sizeof message - SEALWAX_RECORD_HEADER_LEN, &len, &opened),
           "a record");
        if ((opened.content == SEALWAX_CONTENT_DATA) && (len != 0U)) {
            ok(sealwax_session_seal(&session, 1, plaintext, len, NULL, 0, answer, sizeof answer,
                                    &len),
               "sealing");
            put_framed(with, len);
        }
    }
    ok(sealwax_session_close(&session, 1, answer, sizeof answer, &len), "closing");
    put_framed(with, len);
}

int main(int count, char **arguments)
{
    uint8_t keys[3][32];
    struct sockaddr_in address;
    socklen_t address_len = sizeof address;
    sealwax_party party;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    int with;
    unsigned at;
    need(count == 4, "echo PRIVATE-KEY CLIENT-KEY PSK");
    for (at = 0; at < 3U; at++) {
        read_key(arguments[1U + at], keys[at]);
    }
    (void)memset(&party, 0, sizeof party);
    party.role = SEALWAX_ROLE_RESPONDER;
    party.pattern = SEALWAX_PATTERN_IKPSK2;
    party.mode = SEALWAX_MODE_STREAM;
    party.prologue = (const uint8_t *)"echo/1";
    party.prologue_len = 6;
    party.private_key = keys[0];
    party.peers = keys[1];
    party.peer_count = 1;
    party.psk = keys[2];

    (void)memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need((listener >= 0) && (bind(listener, (struct sockaddr *)&address, sizeof address) == 0) &&
             (listen(listener, 1) == 0) &&
             (getsockname(listener, (struct sockaddr *)&address, &address_len) == 0),
         "a port to listen on");
    (void)printf("%u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    with = accept(listener, NULL, NULL);
    need(with >= 0, "accept");
    shake(with, &party);
    talk(with);
    ok(sealwax_session_wipe(&session), "wipe");
    (void)close(with);
    (void)close(listener);
    return 0;
}
