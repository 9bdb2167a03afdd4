/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The part of residue.c, which includes it, that makes handshakes, records and kept sessions. */
#ifndef SEALWAX_FIRMWARE_RESIDUE_TRANSIT_H
#define SEALWAX_FIRMWARE_RESIDUE_TRANSIT_H

/* Handshakes and records. */

static sealwax_party parties[2];
static sealwax_limits limits;
static uint8_t message[512];
static uint8_t answer[16];
static size_t message_len = 0;
static uint8_t record[PAGE];
static size_t record_len = 0;
static uint8_t is_duplicate = 0;
static sealwax_record opened;
static sealwax_session_description described;
static uint8_t kept[SEALWAX_KEPT_SESSION_LEN];

static void peer_key(void)
{
    status = sealwax_peer_key(transit_device_private, public_key);
}

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
    status = sealwax_handshake_begin(&held_now.handshakes[side], party);
}

static void begin_initiator(void) { begin_of(0); }
static void begin_responder(void) { begin_of(1); }

static void write_of(unsigned side)
{
    status = sealwax_handshake_write(&held_now.handshakes[side], &parties[side], &randomness, NULL,
                                     0, message, sizeof message, &message_len);
}

static void read_of(unsigned side, const uint8_t *heard)
{
    status = sealwax_handshake_read(&held_now.handshakes[side], &parties[side], heard, message_len,
                                    answer, sizeof answer, &len, &is_duplicate);
}

static void write_1(void) { write_of(0); }
static void read_1(void) { read_of(1, message); }
static void write_2(void) { write_of(1); }
static void read_2(void) { read_of(0, message); }
static void read_changed_1(void) { read_of(1, changed); }
static void read_changed_2(void) { read_of(0, changed); }

static void finish_initiator(void)
{
    status =
        sealwax_handshake_finish(&held_now.handshakes[0], &limits, 1, &held_now.sessions[0]);
}

static void finish_responder(void)
{
    status = sealwax_handshake_finish(&held_now.handshakes[1], NULL, 1, &held_now.sessions[1]);
}

static void seal_record(void)
{
    status = sealwax_session_seal(&held_now.sessions[0], 2, image, 1024, NULL, 0, record,
                                  sizeof record, &record_len);
}

static void seal_padded(void)
{
    status = sealwax_session_seal_padded(&held_now.sessions[0], 2, image, 1000, 512, NULL, 0,
                                         record, sizeof record, &record_len);
}

static void open_record(void)
{
    status = sealwax_session_open(&held_now.sessions[1], 2, record, record_len, NULL, 0, page, PAGE,
                                  &len, &opened);
}

static void open_changed_record(void)
{
    status = sealwax_session_open(&held_now.sessions[1], 2, changed, record_len, NULL, 0, page,
                                  PAGE, &len, &opened);
}

static void rekey(void) { status = sealwax_session_rekey(&held_now.sessions[0]); }

static void request_rekey(void)
{
    status = sealwax_session_request_rekey(&held_now.sessions[0], 2, record, sizeof record,
                                           &record_len);
}

static int32_t store(void *context, const uint8_t *state, size_t state_len)
{
    (void)context;
    (void)memcpy(kept, state, state_len);
    return 0;
}

static void reserve(void)
{
    status = sealwax_session_reserve(&held_now.sessions[0], 64, device_key, NULL, 0, &randomness,
                                     store, NULL);
}

static void import(void)
{
    status = sealwax_session_import(&held_now.sessions[1], kept, sizeof kept, device_key, NULL, 0,
                                    transit_server_public, NULL, 2);
}

static void describe(void)
{
    status = sealwax_session_describe(&held_now.sessions[0], 2, &described);
}

static void tick(void) { status = sealwax_session_tick(&held_now.sessions[0], 2); }

static void end(void)
{
    status = sealwax_session_end(&held_now.sessions[0], 2, store, NULL, record, sizeof record,
                                 &record_len);
}

static void close_session(void)
{
    status = sealwax_session_close(&held_now.sessions[1], 2, record, sizeof record, &record_len);
}

static void wipe_handshake(void) { status = sealwax_handshake_wipe(&held_now.handshakes[0]); }
static void wipe_session(void) { status = sealwax_session_wipe(&held_now.sessions[0]); }

static void change_message(void)
{
    (void)memcpy(changed, message, message_len);
    changed[message_len - 1U] ^= 1U;
}

/* From no handshake to a session of the initiator. */
static void shake(void)
{
    row("handshake_begin", begin_initiator, SEALWAX_OK);
    begin_responder();
    row("handshake_write, 1", write_1, SEALWAX_OK);
    show("message", message, message_len);
    change_message();
    row("handshake_read, 1, changed", read_changed_1, SEALWAX_ERROR_DECRYPT);
    row("handshake_read, 1", read_1, SEALWAX_OK);
    row("handshake_write, 2", write_2, SEALWAX_OK);
    show("message", message, message_len);
    change_message();
    row("handshake_read, 2, changed", read_changed_2, SEALWAX_ERROR_DECRYPT);
    row("handshake_read, 2", read_2, SEALWAX_OK);
    show_held("before handshake");
    row("handshake_finish", finish_initiator, SEALWAX_OK);
}

static void transit(void)
{
    row("peer_key", peer_key, SEALWAX_OK);
    shake();
    row("handshake_finish, responder", finish_responder, SEALWAX_OK);
    row("handshake_wipe", wipe_handshake, SEALWAX_OK);
    (void)sealwax_handshake_wipe(&held_now.handshakes[1]);
    row("session_seal", seal_record, SEALWAX_OK);
    row("session_open", open_record, SEALWAX_OK);
    row("session_seal_padded", seal_padded, SEALWAX_OK);
    (void)memcpy(changed, record, record_len);
    changed[record_len - 1U] ^= 1U;
    row("session_open, changed", open_changed_record, SEALWAX_ERROR_DECRYPT);
    row("session_open, padded", open_record, SEALWAX_OK);
    row("session_rekey", rekey, SEALWAX_OK);
    row("session_seal, another epoch", seal_record, SEALWAX_OK);
    row("session_open, another epoch", open_record, SEALWAX_OK);
    row("session_request_rekey", request_rekey, SEALWAX_OK);
    row("session_describe", describe, SEALWAX_OK);
    row("session_tick", tick, SEALWAX_OK);
    show_held("before session");
    row("session_close", close_session, SEALWAX_OK);
    row("session_wipe", wipe_session, SEALWAX_OK);
    (void)sealwax_session_wipe(&held_now.sessions[1]);
    show_held("after session");
    /* Another session, which outlives restarts. */
    limits.is_kept = 1;
    shake();
    row("session_reserve", reserve, SEALWAX_OK);
    show("kept", kept, sizeof kept);
    row("session_import", import, SEALWAX_OK);
    show_held("before kept session");
    row("session_end", end, SEALWAX_OK);
    (void)sealwax_handshake_wipe(&held_now.handshakes[0]);
    (void)sealwax_handshake_wipe(&held_now.handshakes[1]);
    (void)sealwax_session_wipe(&held_now.sessions[0]);
    (void)sealwax_session_wipe(&held_now.sessions[1]);
    show_held("after kept session");
}

#endif
