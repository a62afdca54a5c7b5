/* The operations by name: what each reads, makes and takes for parameters. */
#ifndef SRV_PREPROCESS_STEP_RULES_H
#define SRV_PREPROCESS_STEP_RULES_H

#include "blocks.h"

typedef enum srv_step_kind {
    SRV_STEP_NUMBER_BY_NUMBER, /* each number becomes one */
    SRV_STEP_EACH,             /* each number becomes several: step->offsets */
    SRV_STEP_WHOLE,            /* all numbers together become step->width */
    SRV_STEP_MOVES,            /* select, concatenate: nothing is computed */
    SRV_STEP_OF_TEXT,          /* count_words: a text becomes terms */
    SRV_STEP_OF_ANY,           /* hash: texts, or numbers */
} srv_step_kind;

/* One step while it is read. */
typedef struct srv_step_reading {
    const srv_json *node;
    const srv_block *block; /* what it reads of */
    const srv_picks *picks;
    const srv_safetensors *tensors;
    bool wide; /* registers are double */
    srv_arena *arena;
    srv_error *err;
} srv_step_reading;

typedef struct srv_step_rule {
    const char *name;
    srv_step_op op;
    srv_step_kind kind;
    srv_column_type type; /* of a table's columns that it is for, unless it names some */
    const char *const
        *keys; /* members beside op, input, inputs, columns and output; NULL: they are checked elsewhere */
    srv_status (*read)(const srv_step_reading *reading, srv_step *step); /* fills all but from and to; or NULL */
} srv_step_rule;

/* Fails naming the operations there are. */
srv_status srv_step_rule_find(const srv_json *node, const srv_step_rule **out, srv_error *err);

/* Fails if the step has a member that it does not know. */
srv_status srv_step_rule_check(const srv_step_rule *rule, const srv_json *node, srv_error *err);

#endif
