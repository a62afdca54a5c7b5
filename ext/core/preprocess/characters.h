/* The characters of a text one by one, in the form in which a vectorizer compares them: in lower case, without accents,
 * without punctuation, in this order, whichever of it is asked for.
 */
#ifndef SRV_PREPROCESS_CHARACTERS_H
#define SRV_PREPROCESS_CHARACTERS_H

#include "../base/names.h"
#include "../base/unicode.h"

typedef struct srv_text_form {
    enum { SRV_CASE_KEPT, SRV_CASE_ASCII, SRV_CASE_UNICODE } lower;            /* str.lower(), or A to Z alone */
    enum { SRV_ACCENTS_KEPT, SRV_ACCENTS_UNICODE, SRV_ACCENTS_ASCII } accents; /* what is not ASCII then is left out */
    bool strip_punctuation;                                                    /* !"#$%&()*+,-./:;<=>?@[\]^_`{|}~' */
    unsigned char ascii[128]; /* what becomes of each; SRV_LEFT_OUT: nothing */
} srv_text_form;

#define SRV_LEFT_OUT 0xFFu

void srv_text_form_prepare(srv_text_form *form); /* fills ascii */

typedef struct srv_characters {
    const char *begin, *at, *end; /* well-formed UTF-8 */
    const srv_text_form *form;
    uint32_t waiting[2 * SRV_STRIPPED_MAX]; /* what is left of a character that became several */
    size_t first, count;
} srv_characters;

static inline srv_characters srv_characters_of(srv_text text, const srv_text_form *form) {
    srv_characters made;
    made.begin = made.at = text.bytes;
    made.end = text.bytes + text.size;
    made.form = form;
    made.first = made.count = 0;
    return made;
}

bool srv_next_other_character(srv_characters *characters, uint32_t *out);

/* False at the end. */
static inline bool srv_next_character(srv_characters *characters, uint32_t *out) {
    while (characters->first == characters->count && characters->at < characters->end &&
           (unsigned char)*characters->at < 0x80) {
        unsigned char code = characters->form->ascii[(unsigned char)*characters->at++];
        if (code != SRV_LEFT_OUT) {
            *out = code;
            return true;
        }
    }
    return srv_next_other_character(characters, out);
}

#endif
