/* Cuts a text into tokens and lets n-grams be made of them. */
#ifndef SRV_PREPROCESS_TOKENS_H
#define SRV_PREPROCESS_TOKENS_H

#include "ngrams.h"

bool srv_token_character(srv_token_kind kind, uint32_t code); /* it belongs to a token */

void srv_tokens(srv_ngrams *ngrams, srv_text text); /* may leave ngrams->failed */

#endif
