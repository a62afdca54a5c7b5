#include "characters.h"

#include "../base/utf8.h"

static bool is_punctuation(unsigned char code) {
    return code != '\0' && strchr("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'", code) != NULL;
}

void srv_text_form_prepare(srv_text_form *form) {
    for (unsigned char code = 0; code < 128; code++) {
        bool lowered = form->lower != SRV_CASE_KEPT && code >= 'A' && code <= 'Z';
        form->ascii[code] = (unsigned char)(lowered ? code + ('a' - 'A') : code);
        if (form->strip_punctuation && is_punctuation(code)) {
            form->ascii[code] = SRV_LEFT_OUT;
        }
    }
}

/* A character in lower case, as those that it is without accents; how many are in waiting. */
static size_t strip(const srv_text_form *form, const uint32_t *lower, size_t lowered, uint32_t *waiting) {
    size_t count = 0;
    for (size_t i = 0; i < lowered; i++) {
        uint32_t parts[SRV_STRIPPED_MAX] = {lower[i]};
        size_t size = form->accents != SRV_ACCENTS_KEPT ? srv_strip_accents(lower[i], parts) : 1;
        for (size_t j = 0; j < size; j++) {
            bool ascii = parts[j] < 0x80;
            bool out = ascii ? form->strip_punctuation && is_punctuation((unsigned char)parts[j])
                             : form->accents == SRV_ACCENTS_ASCII;
            if (!out) {
                waiting[count++] = parts[j];
            }
        }
    }
    return count;
}

bool srv_next_other_character(srv_characters *characters, uint32_t *out) {
    const srv_text_form *form = characters->form;
    while (characters->first == characters->count) {
        if (characters->at >= characters->end) {
            return false;
        }
        const char *start = characters->at;
        uint32_t code = srv_utf8_read(&characters->at), lower[2] = {code};
        size_t lowered = 1;
        if (form->lower == SRV_CASE_UNICODE) {
            lowered = srv_lower_case(characters->begin, start, characters->end, code, lower);
        } else if (code < 0x80 && form->ascii[code] != SRV_LEFT_OUT) {
            lower[0] = form->ascii[code];
        }
        characters->first = 0;
        characters->count = strip(form, lower, lowered, characters->waiting);
    }
    *out = characters->waiting[characters->first++];
    return true;
}
