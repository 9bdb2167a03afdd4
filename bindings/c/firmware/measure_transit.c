/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures on the emulated Cortex-M4: stack and instructions of a handshake and of records. */
#include <string.h>

#include "board.h"
#include "fixtures.h"
#include "sealwax.h"

#define PLAIN 1024U

static sealwax_random randomness = {board_random, NULL};
static sealwax_party parties[2];
static sealwax_handshake handshakes[2];
static sealwax_session sessions[2];
static uint8_t message[512];
static size_t message_len = 0;
static uint8_t plaintext[PLAIN];
static uint8_t record[PLAIN + SEALWAX_RECORD_OVERHEAD];
static size_t record_len = 0;
static size_t len = 0;
static uint8_t is_duplicate = 0;
static sealwax_record opened;
static sealwax_session_description described;
static sealwax_limits limits;
static uint8_t kept[SEALWAX_KEPT_SESSION_LEN];
static int32_t status = 0;
static unsigned failures = 0;

void sealwax_panic(void)
{
    board_print("sealwax_panic\n");
    board_exit(1);
}

static void nothing(void) {}

static void begin_of(unsigned side)
{
    sealwax_party *party = &parties[side];
    (void)memset(party, 0, sizeof *party);
    party->role = (side == 0U) ? SEALWAX_ROLE_INITIATOR : SEALWAX_ROLE_RESPONDER;
    party->pattern = SEALWAX_PATTERN_IKPSK2;
    party->mode = SEALWAX_MODE_DATAGRAM;
    party->private_key = (side == 0U) ? transit_device_private : transit_server_private;
    party->peers = (side == 0U) ? transit_server_public : transit_device_public;
    party->peer_count = 1;
    party->psk = transit_psk;
    status = sealwax_handshake_begin(&handshakes[side], party);
}

static void begin(void) { begin_of(0); }

static void write_of(unsigned side)
{
    status = sealwax_handshake_write(&handshakes[side], &parties[side], &randomness, NULL, 0,
                                     message, sizeof message, &message_len);
}

static void read_of(unsigned side)
{
    status = sealwax_handshake_read(&handshakes[side], &parties[side], message, message_len, NULL,
                                    0, &len, &is_duplicate);
}

static void write_1(void) { write_of(0); }
static void read_1(void) { read_of(1); }
static void write_2(void) { write_of(1); }
static void read_2(void) { read_of(0); }

static void finish(void)
{
    status = sealwax_handshake_finish(&handshakes[0], &limits, 1, &sessions[0]);
}

static void seal(void)
{
    status = sealwax_session_seal(&sessions[0], 2, plaintext, PLAIN, NULL, 0, record,
                                  sizeof record, &record_len);
}

static void open(void)
{
    status = sealwax_session_open(&sessions[1], 2, record, record_len, NULL, 0, plaintext, PLAIN,
                                  &len, &opened);
}

static void rekey(void) { status = sealwax_session_rekey(&sessions[0]); }

static void request_rekey(void)
{
    status = sealwax_session_request_rekey(&sessions[0], 2, record, sizeof record, &record_len);
}

static int32_t store(void *context, const uint8_t *state, size_t state_len)
{
    (void)context;
    (void)memcpy(kept, state, state_len);
    return 0;
}

static void reserve(void)
{
    status = sealwax_session_reserve(&sessions[0], 64, device_key, NULL, 0, &randomness, store,
                                     NULL);
}

static void import(void)
{
    (void)sealwax_session_wipe(&sessions[1]);
    status = sealwax_session_import(&sessions[1], kept, sizeof kept, device_key, NULL, 0,
                                    transit_server_public, NULL, 2);
}

static void describe(void) { status = sealwax_session_describe(&sessions[0], 2, &described); }
static void tick(void) { status = sealwax_session_tick(&sessions[0], 2); }

static void end(void)
{
    status = sealwax_session_end(&sessions[0], 2, store, NULL, record, sizeof record, &record_len);
}

static void wipe_handshake(void) { status = sealwax_handshake_wipe(&handshakes[0]); }
static void wipe_session(void) { status = sealwax_session_wipe(&sessions[0]); }

/* Another session, which outlives restarts. */
static void begin_kept(void)
{
    wipe_handshake();
    wipe_session();
    (void)sealwax_handshake_wipe(&handshakes[1]);
    begin();
    begin_of(1);
    write_1();
    read_1();
    write_2();
    read_2();
    limits.is_kept = 1;
    finish();
}

static void row(const char *name, board_work work)
{
    const board_cost cost = board_measure(work);
    if (status != SEALWAX_OK) {
        failures++;
        board_print("FAILED: ");
    }
    board_print("measure ");
    board_print(name);
    board_print(" ");
    board_print_number(cost.stack);
    board_print(" ");
    board_print_number(cost.instructions);
    board_print("\n");
}

int main(void)
{
    row("nothing", nothing);
    row("handshake_begin", begin);
    begin_of(1);
    row("handshake_write_1", write_1);
    row("handshake_read_1", read_1);
    row("handshake_write_2", write_2);
    row("handshake_read_2", read_2);
    row("handshake_finish", finish);
    status = sealwax_handshake_finish(&handshakes[1], NULL, 1, &sessions[1]);
    row("session_seal_1024", seal);
    row("session_open_1024", open);
    row("session_rekey", rekey);
    row("session_seal_1024_rekey", seal);
    row("session_open_1024_rekey", open);
    row("session_request_rekey", request_rekey);
    row("session_describe", describe);
    row("session_tick", tick);
    begin_kept();
    row("session_reserve", reserve);
    row("session_import", import);
    row("session_end", end);
    row("handshake_wipe", wipe_handshake);
    row("session_wipe", wipe_session);
    board_print((failures == 0U) ? "measure: ok\n" : "measure: FAILED\n");
    return (failures == 0U) ? 0 : 1;
}
