/* FarmHash's Fingerprint64 (G. Pike, Google, 2014), which never changes between versions and machines. */
#ifndef SRV_PREPROCESS_FARMHASH_H
#define SRV_PREPROCESS_FARMHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t srv_farmhash(const char *bytes, size_t size);

#endif
