/* SipHash-2-4 of Aumasson and Bernstein ("SipHash: a fast short-input PRF", 2012), 64 bits. */
#ifndef SRV_PREPROCESS_SIPHASH_H
#define SRV_PREPROCESS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* key: the 128 bits as two little-endian words. */
uint64_t srv_siphash(const uint64_t key[2], const char *bytes, size_t size);

#endif
