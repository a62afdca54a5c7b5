/* A compiled count_words step, as its parts share it: words.c reads it, tokens.c cuts the text, ngrams.c counts. */
#ifndef SRV_PREPROCESS_WORDS_SPEC_H
#define SRV_PREPROCESS_WORDS_SPEC_H

#include "characters.h"
#include "words.h"

typedef enum srv_token_kind {
    SRV_TOKEN_WORD,        /* word characters, so many at least */
    SRV_TOKEN_WHITESPACE,  /* all between white space */
    SRV_TOKEN_ASCII_SPACE, /* all between ASCII's white space */
    SRV_TOKEN_CHARACTER,   /* each character */
    SRV_TOKEN_TEXT,        /* the whole text */
    SRV_TOKEN_CHAR,        /* each character, a run of white space being one blank */
    SRV_TOKEN_CHAR_WB      /* each character of words between white space, with a blank before and after each word */
} srv_token_kind;

typedef enum srv_norm { SRV_NORM_NONE, SRV_NORM_L1, SRV_NORM_L2 } srv_norm;

struct srv_words {
    srv_text_form form;
    srv_token_kind kind;
    size_t least_characters; /* of a token */
    bool inside[128];        /* the ASCII characters that belong to a token */
    srv_names stop_words;
    size_t least, most; /* tokens in a term */
    bool joined;        /* by a blank */

    srv_names vocabulary;
    bool unknown;      /* index 0 is for terms that are not in the vocabulary */
    size_t longest;    /* bytes of what is looked up: terms and stop words */
    uint32_t features; /* 0: there is a vocabulary */
    bool alternate_sign;

    bool binary, sublinear;
    const double *idf; /* [width], or NULL: all 1 */
    srv_norm norm;
};

#endif
