/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of handshakes and of sessions share: two sides that talk to each other. */
#ifndef TRANSIT_KIT_H
#define TRANSIT_KIT_H

#include "kit.h"
#include "fixtures.h"

#define BAD SEALWAX_ERROR_INVALID_ARGUMENT
#define STATE SEALWAX_ERROR_BAD_STATE
#define SHORT SEALWAX_ERROR_BUFFER_TOO_SMALL
#define ROOM 256U

/* One side of a handshake, and the session that comes of it. */
typedef struct side {
    sealwax_party party;
    sealwax_handshake handshake;
    sealwax_session session;
    kit_source source;
    sealwax_random random;
    uint8_t private_key[SEALWAX_PEER_KEY_LEN];
    uint8_t public_key[SEALWAX_PEER_KEY_LEN];
    /* What `accept` saw, and what it says. */
    unsigned asked;
    int32_t verdict;
    uint8_t seen_key[SEALWAX_PEER_KEY_LEN];
    uint8_t seen_context[ROOM];
    size_t seen_len;
    uint8_t replayable;
} side;

static const uint8_t psk[SEALWAX_PSK_LEN] = {7, 7, 7};
static const uint8_t prologue[] = "telemetry/1";
static const uint8_t patterns[] = {SEALWAX_PATTERN_XX, SEALWAX_PATTERN_IK, SEALWAX_PATTERN_KK,
                                   SEALWAX_PATTERN_NNPSK0, SEALWAX_PATTERN_IKPSK2};

static int32_t accept(void *context, const sealwax_peer *peer)
{
    side *at = context;
    at->asked++;
    at->replayable = peer->replayable;
    at->seen_len = peer->context_len;
    if (peer->key != NULL) {
        (void)memcpy(at->seen_key, peer->key, sizeof at->seen_key);
    }
    if ((peer->context_len != 0U) && (peer->context_len <= ROOM)) {
        (void)memcpy(at->seen_context, peer->context, peer->context_len);
    }
    return at->verdict;
}

static int has_psk(uint8_t pattern)
{
    return (pattern == SEALWAX_PATTERN_NNPSK0) || (pattern == SEALWAX_PATTERN_IKPSK2);
}

static void set_up(side *at, uint8_t role, uint8_t pattern, uint8_t mode, uint8_t hybrid)
{
    (void)memset(at, 0, sizeof *at);
    at->source.state = 0x9e3779b9U + role;
    at->source.calls = -1;
    at->random.fill = kit_fill;
    at->random.context = &at->source;
    (void)kit_fill(&at->source, at->private_key, sizeof at->private_key);
    STATUS(sealwax_peer_key(at->private_key, at->public_key), SEALWAX_OK);
    at->party.role = role;
    at->party.pattern = pattern;
    at->party.mode = mode;
    at->party.hybrid = hybrid;
    at->party.prologue = prologue;
    at->party.prologue_len = sizeof prologue;
    at->party.accept = accept;
    at->party.accept_context = at;
    if (pattern != SEALWAX_PATTERN_NNPSK0) {
        at->party.private_key = at->private_key;
    }
    if (has_psk(pattern)) {
        at->party.psk = psk;
    }
}

/* Two sides that fit each other, begun. */
static void pair(side *one, side *two, uint8_t pattern, uint8_t mode, uint8_t hybrid)
{
    set_up(one, SEALWAX_ROLE_INITIATOR, pattern, mode, hybrid);
    set_up(two, SEALWAX_ROLE_RESPONDER, pattern, mode, hybrid);
    if ((pattern != SEALWAX_PATTERN_XX) && (pattern != SEALWAX_PATTERN_NNPSK0)) {
        one->party.peers = two->public_key;
        one->party.peer_count = 1;
    }
    if (pattern == SEALWAX_PATTERN_KK) {
        two->party.peers = one->public_key;
        two->party.peer_count = 1;
    }
    STATUS(sealwax_handshake_begin(&one->handshake, &one->party), SEALWAX_OK);
    STATUS(sealwax_handshake_begin(&two->handshake, &two->party), SEALWAX_OK);
}

static uint8_t next_of(const side *at)
{
    sealwax_handshake_description described;
    STATUS(sealwax_handshake_describe(&at->handshake, &described), SEALWAX_OK);
    return described.next;
}

/* A message of `from`, in a buffer of its own length; at most one buffer is out. */
static uint8_t *message_of(side *from, size_t *len)
{
    uint8_t *out;
    STATUS(sealwax_handshake_write(&from->handshake, &from->party, &from->random, NULL, 0, NULL, 0,
                                   len),
           SHORT);
    out = kit_buffer(*len);
    STATUS(sealwax_handshake_write(&from->handshake, &from->party, &from->random, NULL, 0, out,
                                   *len, len),
           SEALWAX_OK);
    return out;
}

static int32_t hear(side *at, const uint8_t *message, size_t len)
{
    uint8_t context[ROOM];
    uint8_t is_duplicate = 9;
    size_t context_len = 9;
    const int32_t status =
        sealwax_handshake_read(&at->handshake, &at->party, message, len, context, sizeof context,
                               &context_len, &is_duplicate);
    CLAIM((status == SEALWAX_OK) || (context_len == 0U) || (status == SHORT));
    return status;
}

static void finish(side *one, side *two, const sealwax_limits *limits)
{
    STATUS(sealwax_handshake_finish(&one->handshake, limits, 1000, &one->session), SEALWAX_OK);
    STATUS(sealwax_handshake_finish(&two->handshake, limits, 5, &two->session), SEALWAX_OK);
}

static void shake(side *one, side *two)
{
    side *from = one;
    side *to = two;
    unsigned messages = 0;
    while (next_of(from) == SEALWAX_NEXT_WRITE) {
        side *turn = from;
        size_t len = 0;
        uint8_t *message = message_of(from, &len);
        CLAIM(len <= SEALWAX_HANDSHAKE_MAX_MESSAGE_LEN);
        STATUS(hear(to, message, len), SEALWAX_OK);
        free(message);
        from = to;
        to = turn;
        messages++;
    }
    CLAIM(messages == ((one->party.pattern == SEALWAX_PATTERN_XX) ? 3U : 2U));
    CLAIM(next_of(one) == SEALWAX_NEXT_FINISH);
    CLAIM(next_of(two) == SEALWAX_NEXT_FINISH);
}

static void wipe(side *at)
{
    static const sealwax_handshake no_handshake = SEALWAX_HANDSHAKE_INIT;
    static const sealwax_session no_session = SEALWAX_SESSION_INIT;
    STATUS(sealwax_handshake_wipe(&at->handshake), SEALWAX_OK);
    STATUS(sealwax_session_wipe(&at->session), SEALWAX_OK);
    CLAIM(memcmp(&at->handshake, &no_handshake, sizeof no_handshake) == 0);
    CLAIM(memcmp(&at->session, &no_session, sizeof no_session) == 0);
}

/* One record from one side to the other, which must hold. */
static void say(side *from, side *to, const char *text)
{
    const size_t len = strlen(text);
    uint8_t *record = kit_buffer(len + SEALWAX_RECORD_OVERHEAD);
    uint8_t *out = kit_buffer(len);
    size_t record_len = 0;
    size_t out_len = 0;
    sealwax_record opened;
    STATUS(sealwax_session_seal(&from->session, 2000, (const uint8_t *)text, len, prologue, 4,
                                record, len + SEALWAX_RECORD_OVERHEAD, &record_len),
           SEALWAX_OK);
    CLAIM(record_len == len + SEALWAX_RECORD_OVERHEAD);
    STATUS(sealwax_session_open(&to->session, 2000, record, record_len, prologue, 4, out, len,
                                &out_len, &opened),
           SEALWAX_OK);
    CLAIM((out_len == len) && (memcmp(out, text, len) == 0));
    CLAIM(opened.content == SEALWAX_CONTENT_DATA);
    free(record);
    free(out);
}

#endif
