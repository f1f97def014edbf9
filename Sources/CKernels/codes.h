/// What the code kernels of all levels share: the way from an exact sum to a distance.
#pragma once
#include "kernel_table.h"
#include <string.h>

/// A product that is to be rounded before something is added to it. Clang fuses the two within one expression unless
/// told not to; GCC does not know the pragma and fuses across expressions, unless it loses sight of the product.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#define ROUND_PRODUCT(product) ((void)0)
#elif defined(__x86_64__)
#define ROUND_PRODUCT(product) __asm__("" : "+x"(product))
#elif defined(__aarch64__)
#define ROUND_PRODUCT(product) __asm__("" : "+w"(product))
#else
#define ROUND_PRODUCT(product) __asm__("" : "+m"(product))
#endif

/// A query's parts; the query may start at any address.
typedef struct code_query {
    float scale, offset;
    const uint8_t *levels, *values;
} code_query;

CAIRN_ALWAYS_INLINE code_query code_query_at(const void *query) {
    const uint8_t *bytes = query;
    code_query parts;
    memcpy(&parts.scale, bytes + offsetof(cairn_code_query, scale), sizeof parts.scale);
    memcpy(&parts.offset, bytes + offsetof(cairn_code_query, offset), sizeof parts.offset);
    parts.levels = bytes + offsetof(cairn_code_query, levels);
    parts.values = bytes + offsetof(cairn_code_query, values);
    return parts;
}

/// The distance of an exact sum modulo 2^32: squares are unsigned, products signed.
CAIRN_ALWAYS_INLINE float code_distance(code_query query, uint32_t sum, cairn_metric metric) {
    float value = metric == CAIRN_L2 ? (float)sum : (float)(int32_t)sum;
    float product = query.scale * value;
    ROUND_PRODUCT(product);
    return query.offset + product;
}

CAIRN_ALWAYS_INLINE const uint8_t *code_row_at(const cairn_rows *rows, uint32_t id) {
    return (const uint8_t *)row_at(rows, id);
}

/// A kernel of the given name, metric and code, by a function `distances` that is inlined for each.
#define CODE_KERNEL(name, metric, code, is_128, target)                                                                \
    target static void name(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids,          \
                            size_t n, float *out) {                                                                    \
        (void)query_norm;                                                                                              \
        code_distances(rows, code_query_at(query), ids, n, out, metric, code, is_128);                                 \
    }
