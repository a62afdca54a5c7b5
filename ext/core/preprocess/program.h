/* What the files that compile and run the steps share; nothing here is for others.
 *
 * Every step reads `count` registers from `from` on and writes `width` from `to` on.  Those that scattered columns come
 * from are copied together first, so that no step needs to know where columns lie.
 */
#ifndef SRV_PREPROCESS_PROGRAM_H
#define SRV_PREPROCESS_PROGRAM_H

#include "hash_text.h"
#include "preprocess.h"
#include "words.h"

#define SRV_MAX_REGISTERS ((size_t)1 << 25) /* of a row: as many numbers as steps can make of it */
#define SRV_MAX_ROW ((size_t)1 << 24)       /* of the network's row */

typedef enum srv_step_op {
    SRV_STEP_COPY,
    SRV_STEP_SCALE,       /* a, b; one */
    SRV_STEP_STANDARDISE, /* a, b */
    SRV_STEP_IMPUTE,      /* a */
    SRV_STEP_IS_MISSING,
    SRV_STEP_CLIP,        /* a, b */
    SRV_STEP_BINARISE,    /* a */
    SRV_STEP_FUNCTION,    /* choice: srv_function */
    SRV_STEP_POWER,       /* a; choice: srv_power */
    SRV_STEP_NORMALISE,   /* choice: srv_row_norm */
    SRV_STEP_BUCKETISE,   /* lists */
    SRV_STEP_INDEX,       /* lists, sorted, with places; unknown, missing */
    SRV_STEP_MAP,         /* lists; unknown, missing */
    SRV_STEP_ONE_HOT,     /* offsets, drops */
    SRV_STEP_MULTI_HOT,   /* flag: how often */
    SRV_STEP_POLYNOMIAL,  /* offsets, factors */
    SRV_STEP_COUNT_WORDS, /* words: text `from` becomes terms `to` */
    SRV_STEP_WRITE_TERMS, /* terms `from` become registers */
    SRV_STEP_HASH_TEXT,   /* hash: text `from` becomes register `to` */
    SRV_STEP_HASH,        /* hash */
} srv_step_op;

#define SRV_FUNCTION_MAP(XX)     \
    XX(ABS, "abs")               \
    XX(SQRT, "sqrt")             \
    XX(CBRT, "cbrt")             \
    XX(SQUARE, "square")         \
    XX(RECIPROCAL, "reciprocal") \
    XX(EXP, "exp")               \
    XX(EXP2, "exp2")             \
    XX(EXPM1, "expm1")           \
    XX(LOG, "log")               \
    XX(LOG2, "log2")             \
    XX(LOG10, "log10")           \
    XX(LOG1P, "log1p")           \
    XX(SIN, "sin")               \
    XX(COS, "cos")               \
    XX(TAN, "tan")               \
    XX(ARCSIN, "arcsin")         \
    XX(ARCCOS, "arccos")         \
    XX(ARCTAN, "arctan")         \
    XX(SINH, "sinh")             \
    XX(COSH, "cosh")             \
    XX(TANH, "tanh")             \
    XX(ARCSINH, "arcsinh")       \
    XX(ARCCOSH, "arccosh")       \
    XX(ARCTANH, "arctanh")       \
    XX(FLOOR, "floor")           \
    XX(CEIL, "ceil")             \
    XX(RINT, "rint")             \
    XX(SIGN, "sign")             \
    XX(NEGATIVE, "negative")

typedef enum srv_function {
#define XX(name, text) SRV_FUNCTION_##name,
    SRV_FUNCTION_MAP(XX)
#undef XX
} srv_function;

typedef enum srv_power { SRV_YEO_JOHNSON, SRV_BOX_COX } srv_power;
typedef enum srv_row_norm { SRV_ROW_L1, SRV_ROW_L2, SRV_ROW_MAX } srv_row_norm;

#define SRV_NO_DROP SIZE_MAX

typedef struct srv_step_list {
    const void *values;     /* [count], of the registers' type */
    const uint32_t *places; /* INDEX: of the values, which are sorted, in the list as given */
    size_t count;
    size_t nan_place; /* INDEX: of the NaN in the list; count if there is none */
} srv_step_list;

typedef struct srv_step {
    srv_step_op op;
    size_t from, count, to, width;
    const void *a, *b; /* [count] each, of the registers' type */
    bool one;          /* a and b are the same for all numbers */
    bool flag;
    int choice;
    double unknown, missing;
    const srv_step_list *lists; /* [count] */
    const size_t *offsets;      /* ONE_HOT: [count + 1] registers; POLYNOMIAL: [width + 1] into factors */
    const size_t *drops;        /* ONE_HOT: [count] indices without an indicator, or SRV_NO_DROP */
    const size_t *factors;      /* POLYNOMIAL */
    const srv_words *words;
    const srv_text_hash *hash;
} srv_step;

typedef enum srv_segment_kind { SRV_NUMBERS, SRV_TEXT, SRV_TERMS } srv_segment_kind;

/* A stretch of a block. */
typedef struct srv_segment {
    srv_segment_kind kind;
    size_t first;             /* NUMBERS: register; TEXT: which of the row's texts; TERMS: which terms */
    size_t count;             /* numbers; 1 for a TEXT, which is none yet */
    const srv_column *column; /* whose number (or text) this still is; NULL: nobody's */
} srv_segment;

typedef struct srv_block {
    const char *name;
    const srv_table *table; /* an input that is a table */
    size_t count;
    srv_segment *segments;
    srv_block_place place;
} srv_block;

/* What goes from the registers into the network's row. */
typedef struct srv_gather {
    bool sparse; /* terms */
    size_t from, to, count;
} srv_gather;

struct srv_preprocess {
    srv_arena *arena;
    bool wide; /* registers are double */
    size_t features, texts, registers, terms, width;
    size_t step_count, step_capacity;
    srv_step *steps;
    size_t block_count;
    srv_block *blocks;
    size_t gather_count, gather_capacity;
    srv_gather *gathers;
    size_t product_count, product_capacity;
    srv_product **products;
    bool in_place;
};

/* One row through the steps, in either precision; SRV_NO_MEMORY if the terms of a text find no room. */
srv_status srv__run_steps_float(const srv_preprocess *preprocess, const srv_text *texts, float *registers,
                                srv_terms *terms, srv_arena *arena, srv_error *err);
srv_status srv__run_steps_double(const srv_preprocess *preprocess, const srv_text *texts, double *registers,
                                 srv_terms *terms, srv_arena *arena, srv_error *err);

#endif
