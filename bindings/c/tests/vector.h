/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One vector, as vectors.py wrote it. */
#ifndef VECTOR_H
#define VECTOR_H

#include "kit.h"

#define MAX_KEYS 40U
#define MAX_VERSIONS 24U
#define MAX_SHARES 80U
#define MAX_USED 40U
#define MAX_PROVIDED 4U

typedef enum key_kind { KEY_KEYSET, KEY_IDENTITY, KEY_DEVICE } key_kind;

typedef struct key {
    key_kind kind;
    sealwax_keyset keyset;
    sealwax_key_version versions[MAX_VERSIONS];
    uint8_t id[SEALWAX_ID_LEN];
    uint8_t secret[SEALWAX_DEVICE_KEY_LEN];
} key;

typedef struct bytes {
    uint8_t *at;
    size_t len;
} bytes;

/* What a provider makes of a blob. */
typedef struct provided {
    bytes provider;
    bytes key_name;
    bytes key;
} provided;

static struct vector {
    char name[128];
    int32_t expect;
    key keys[MAX_KEYS];
    size_t key_count;
    uint8_t context[SEALWAX_CONTEXT_MAX_LEN + 300];
    int is_long;
    size_t context_len;
    int32_t context_status;
    bytes input;
    bytes plaintext;
    char kind[16];
    char protection[16];
    char parsed[128];
    int hosted_only;
#ifdef SEALWAX_HOSTED
    sealwax_key *hosted[MAX_KEYS];
    size_t hosted_count;
    provided provided[MAX_PROVIDED];
    size_t provided_count;
    /* Of a keyset. */
    sealwax_version_description *versions;
    size_t version_count;
    bytes fingerprint;
    /* Of a usage file. */
    bytes keyset_file;
    bytes seen;
    bytes next;
    uint64_t next_revision;
    uint64_t backup_revision;
    uint64_t backup_at;
    sealwax_version_usage used[MAX_USED];
    size_t used_count;
    /* Of backups and shares. */
    bytes shares[MAX_SHARES];
    size_t share_count;
    bytes restored;
    sealwax_share_description described;
    char text[SEALWAX_SHARE_LEN + 1];
#endif
} vector;

static uint8_t nibble(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = strchr(digits, digit);
    return (uint8_t)((found == NULL) ? 0 : (found - digits));
}

static bytes unhex(const char *hex)
{
    bytes out;
    size_t at;
    out.len = (hex[0] == '-') ? 0U : (strlen(hex) / 2U);
    out.at = kit_buffer(out.len);
    for (at = 0; at < out.len; at++) {
        out.at[at] = (uint8_t)((nibble(hex[2U * at]) << 4) | nibble(hex[(2U * at) + 1U]));
    }
    return out;
}

/* What a keyset says of itself, against the vector. */
static void check_description(const sealwax_keyset_description *description)
{
    char parsed[128];
    char id[33];
    size_t at;
    for (at = 0; at < sizeof description->id; at++) {
        (void)snprintf(&id[2U * at], 3, "%02x", description->id[at]);
    }
    (void)snprintf(parsed, sizeof parsed, "%s %llu %lu %lu %d", id,
                   (unsigned long long)description->revision, (unsigned long)description->primary,
                   (unsigned long)description->version_count, (int)description->family);
    if (!CLAIM(strcmp(parsed, vector.parsed) == 0)) {
        (void)printf("%s: %s, not %s\n", vector.name, parsed, vector.parsed);
    }
}

#endif
