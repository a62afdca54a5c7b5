/* Characters as Python's re and str.lower() see them, so that text is cut into the same words as in training.
 * The tables are of the Unicode version that base/unicode_tables.h names; characters newer than it belong to no word.
 */
#ifndef SRV_BASE_UNICODE_H
#define SRV_BASE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool srv_is_word_character(uint32_t code); /* \w: letters, digits and the like, '_' */

bool srv_is_white_space(uint32_t code); /* \s */

/* The lower case of the character `code` that lies at `at` of well-formed UTF-8 from begin to end: 1 or 2 characters.
 * The text around it matters to one alone: a capital sigma at a word's end. */
size_t srv_lower_case(const char *begin, const char *at, const char *end, uint32_t code, uint32_t out[2]);

#define SRV_STRIPPED_MAX 18

/* The character without its accents: its compatibility decomposition (NFKD), combining characters left out, as
 * scikit-learn's strip_accents_unicode() has it.  0 to SRV_STRIPPED_MAX characters. */
size_t srv_strip_accents(uint32_t code, uint32_t out[SRV_STRIPPED_MAX]);

#endif
