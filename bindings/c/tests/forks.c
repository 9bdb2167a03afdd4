/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A forked child goes on with nothing that its parent began and that would use a key and a nonce
 * twice: no sealing, no handshake, no session. It may read on, and wipe what it inherited. */
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"
#include "fixtures.h"

#define STATE SEALWAX_ERROR_BAD_STATE

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static kit_source source = {0x3d1f00d5U, -1};
static sealwax_random randomness = {kit_fill, &source};

typedef void (*child_work)(void *given);

/* Runs the work in a child, whose failed claims count as one of ours. */
static void in_child(child_work work, void *given)
{
    int status = -1;
    pid_t child;
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        kit_failed = 0;
        work(given);
        (void)fflush(stdout);
        _exit((kit_failed == 0U) ? 0 : 1);
    }
    CLAIM((child > 0) && (waitpid(child, &status, 0) == child));
    CLAIM(WIFEXITED(status) && (WEXITSTATUS(status) == 0));
}

static void seal_on(void *given)
{
    sealwax_sealing *sealing = given;
    uint8_t out[32];
    size_t len = 9;
    (void)memset(out, 0xcc, sizeof out);
    STATUS(sealwax_sealing_seal_chunk(sealing, (const uint8_t *)"of the child", 12, out,
                                      sizeof out, &len),
           STATE);
    CLAIM((len == 0U) && kit_untouched_or_wiped(out, sizeof out));
    /* What it begins itself, it seals. */
    STATUS(sealwax_sealing_wipe(sealing), SEALWAX_OK);
    {
        uint8_t front[600];
        STATUS(sealwax_sealing_begin(sealing, &keyset, NULL, &randomness, front, sizeof front,
                                     &len),
               SEALWAX_OK);
        STATUS(sealwax_sealing_seal_chunk(sealing, (const uint8_t *)"of the child", 12, out,
                                          sizeof out, &len),
               SEALWAX_OK);
        STATUS(sealwax_sealing_finish(sealing), SEALWAX_OK);
    }
}

static void a_child_seals_no_chunk_of_its_parent(void)
{
    sealwax_sealing sealing = SEALWAX_SEALING_INIT;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t front[600];
    uint8_t scratch[SEALWAX_FRONT_MAX_LEN];
    uint8_t chunk[64];
    size_t front_len = 0;
    size_t chunk_len = 0;
    size_t at = 0;
    STATUS(
        sealwax_sealing_begin(&sealing, &keyset, NULL, &randomness, front, sizeof front, &front_len),
        SEALWAX_OK);
    in_child(seal_on, &sealing);
    STATUS(sealwax_sealing_seal_chunk(&sealing, (const uint8_t *)"of the parent", 13, chunk,
                                      sizeof chunk, &chunk_len),
           SEALWAX_OK);
    STATUS(sealwax_sealing_finish(&sealing), SEALWAX_OK);
    STATUS(sealwax_opening_begin(&opening, &keyset, NULL, front, front_len, scratch, sizeof scratch,
                                 &at),
           SEALWAX_OK);
    STATUS(sealwax_opening_open_chunk(&opening, 0, chunk, chunk_len, chunk, sizeof chunk, &at),
           SEALWAX_OK);
    CLAIM((at == 13U) && (memcmp(chunk, "of the parent", 13) == 0));
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
}

typedef struct reading {
    sealwax_opening opening;
    size_t chunks_at;
} reading;

static void read_on(void *given)
{
    reading *begun = given;
    uint8_t page[1024];
    size_t len = 0;
    STATUS(sealwax_opening_open_chunk(&begun->opening, 0, &settings_envelope[begun->chunks_at],
                                      1040, page, sizeof page, &len),
           SEALWAX_OK);
    CLAIM((len == sizeof page) && (memcmp(page, settings, sizeof page) == 0));
}

static void a_child_reads_on(void)
{
    reading begun;
    sealwax_requirements wanted;
    uint8_t scratch[SEALWAX_FRONT_MAX_LEN];
    (void)memset(&begun, 0, sizeof begun);
    (void)memset(&wanted, 0, sizeof wanted);
    wanted.external = settings_context;
    wanted.external_len = sizeof settings_context;
    STATUS(sealwax_opening_begin_with_device_key(&begun.opening, device_key_id, device_key, &wanted,
                                                 settings_envelope, 1000, scratch, sizeof scratch,
                                                 &begun.chunks_at),
           SEALWAX_OK);
    in_child(read_on, &begun);
    read_on(&begun);
    STATUS(sealwax_opening_wipe(&begun.opening), SEALWAX_OK);
}

/* Both sides of a handshake, and what travels. */
typedef struct path {
    sealwax_party parties[2];
    sealwax_handshake handshakes[2];
    sealwax_session sessions[2];
    uint8_t message[512];
    size_t message_len;
} path;

static void set_up(path *on)
{
    unsigned side;
    (void)memset(on, 0, sizeof *on);
    for (side = 0; side < 2U; side++) {
        sealwax_party *party = &on->parties[side];
        party->role = (side == 0U) ? SEALWAX_ROLE_INITIATOR : SEALWAX_ROLE_RESPONDER;
        party->pattern = SEALWAX_PATTERN_IKPSK2;
        party->mode = SEALWAX_MODE_DATAGRAM;
        party->private_key = (side == 0U) ? transit_device_private : transit_server_private;
        party->peers = (side == 0U) ? transit_server_public : transit_device_public;
        party->peer_count = 1;
        party->psk = transit_psk;
        STATUS(sealwax_handshake_begin(&on->handshakes[side], party), SEALWAX_OK);
    }
}

static int32_t write_message(path *on, unsigned side)
{
    return sealwax_handshake_write(&on->handshakes[side], &on->parties[side], &randomness, NULL, 0,
                                   on->message, sizeof on->message, &on->message_len);
}

static int32_t read_message(path *on, unsigned side)
{
    size_t len = 0;
    uint8_t is_duplicate = 0;
    return sealwax_handshake_read(&on->handshakes[side], &on->parties[side], on->message,
                                  on->message_len, NULL, 0, &len, &is_duplicate);
}

static int32_t finish(path *on, unsigned side)
{
    return sealwax_handshake_finish(&on->handshakes[side], NULL, 1, &on->sessions[side]);
}

static void answer(void *given)
{
    uint8_t kept[512];
    path *on = given;
    (void)memcpy(kept, on->message, sizeof kept);
    STATUS(write_message(on, 1), STATE);
    (void)memcpy(on->message, kept, sizeof kept);
    STATUS(read_message(on, 1), STATE);
}

static void read_the_answer(void *given) { STATUS(read_message(given, 0), STATE); }

static void take_the_session(void *given)
{
    path *on = given;
    static const sealwax_session empty = SEALWAX_SESSION_INIT;
    STATUS(finish(on, 0), STATE);
    CLAIM(memcmp(&on->sessions[0], &empty, sizeof empty) == 0);
    STATUS(sealwax_handshake_wipe(&on->handshakes[0]), SEALWAX_OK);
}

static void say_something(void *given)
{
    path *on = given;
    uint8_t record[64];
    size_t len = 0;
    STATUS(sealwax_session_seal(&on->sessions[0], 2, (const uint8_t *)"child", 5, NULL, 0, record,
                                sizeof record, &len),
           STATE);
    CLAIM(len == 0U);
    STATUS(sealwax_session_wipe(&on->sessions[0]), SEALWAX_OK);
}

static void a_child_goes_on_with_no_handshake_and_no_session(void)
{
    static path on;
    unsigned side;
    uint8_t record[64];
    uint8_t plaintext[16];
    size_t len = 0;
    size_t record_len = 0;
    sealwax_record opened;
    set_up(&on);
    STATUS(write_message(&on, 0), SEALWAX_OK);
    STATUS(read_message(&on, 1), SEALWAX_OK);
    in_child(answer, &on);
    STATUS(write_message(&on, 1), SEALWAX_OK);
    in_child(read_the_answer, &on);
    STATUS(read_message(&on, 0), SEALWAX_OK);
    in_child(take_the_session, &on);
    STATUS(finish(&on, 0), SEALWAX_OK);
    STATUS(finish(&on, 1), SEALWAX_OK);
    in_child(say_something, &on);
    STATUS(sealwax_session_seal(&on.sessions[0], 2, (const uint8_t *)"parent", 6, NULL, 0, record,
                                sizeof record, &record_len),
           SEALWAX_OK);
    STATUS(sealwax_session_open(&on.sessions[1], 2, record, record_len, NULL, 0, plaintext,
                                sizeof plaintext, &len, &opened),
           SEALWAX_OK);
    CLAIM((len == 6U) && (memcmp(plaintext, "parent", 6) == 0));
    for (side = 0; side < 2U; side++) {
        STATUS(sealwax_handshake_wipe(&on.handshakes[side]), SEALWAX_OK);
        STATUS(sealwax_session_wipe(&on.sessions[side]), SEALWAX_OK);
    }
}

int main(void)
{
    size_t needed = 0;
    STATUS(
        sealwax_keyset_load(&keyset, versions, 2, keyset_blob, sizeof keyset_blob, NULL, &needed),
        SEALWAX_OK);
    a_child_seals_no_chunk_of_its_parent();
    a_child_reads_on();
    a_child_goes_on_with_no_handshake_and_no_session();
    STATUS(sealwax_keyset_wipe(&keyset), SEALWAX_OK);
    return kit_end();
}
