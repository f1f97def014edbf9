/// Plain C: what every machine runs, and what the other levels are measured against.
#include "half.h"
#include "kernel_table.h"

/// Element i of a row or query, from any address.
CAIRN_ALWAYS_INLINE float float_at(const char *row, size_t i, cairn_scalar scalar) {
    if (scalar == CAIRN_F16) {
        uint16_t half;
        memcpy(&half, row + 2 * i, sizeof half);
        return half_to_float(half);
    }
    float value;
    memcpy(&value, row + 4 * i, sizeof value);
    return value;
}

CAIRN_ALWAYS_INLINE float term(const char *query, const char *row, size_t i, cairn_metric metric, cairn_scalar scalar) {
    float q = float_at(query, i, CAIRN_F32), x = float_at(row, i, scalar);
    return metric == CAIRN_L2 ? (q - x) * (q - x) : q * x;
}

CAIRN_ALWAYS_INLINE void float_distances(const cairn_rows *rows, const char *query, const uint32_t *ids, size_t n,
                                         float *out, cairn_metric metric, cairn_scalar scalar) {
    for (size_t k = 0; k < n; k++) {
        const char *row = row_at(rows, ids[k]);
        // Four sums, because one alone would lose digits over tens of thousands of dimensions.
        float part[4] = { 0, 0, 0, 0 };
        size_t i = 0;
        for (; i + 4 <= rows->dimensions; i += 4)
            for (size_t j = 0; j < 4; j++) part[j] += term(query, row, i + j, metric, scalar);
        for (; i < rows->dimensions; i++) part[0] += term(query, row, i, metric, scalar);
        float sum = (part[0] + part[1]) + (part[2] + part[3]);
        out[k] = metric == CAIRN_L2 ? sum : negated(sum);
    }
}

CAIRN_ALWAYS_INLINE int32_t integer_at(const char *row, size_t i, cairn_scalar scalar) {
    return scalar == CAIRN_U8 ? (int32_t)(uint8_t)row[i] : (int32_t)(int8_t)row[i];
}

CAIRN_ALWAYS_INLINE void integer_distances(const cairn_rows *rows, const char *query, float query_norm,
                                           const uint32_t *ids, size_t n, float *out, cairn_metric metric,
                                           cairn_scalar scalar) {
    for (size_t k = 0; k < n; k++) {
        const char *row = row_at(rows, ids[k]);
        uint32_t sum = 0;
        for (size_t i = 0; i < rows->dimensions; i++) {
            int32_t q = integer_at(query, i, scalar), x = integer_at(row, i, scalar);
            sum += (uint32_t)(metric == CAIRN_L2 ? (q - x) * (q - x) : q * x);
        }
        out[k] = integer_distance(metric, scalar, sum, query_norm, rows, ids[k]);
    }
}

static uint32_t count_less(const uint64_t *keys, uint32_t n, uint64_t key) {
    const uint64_t *first = keys;
    n = narrow(&first, n, key, 8);
    uint32_t count = (uint32_t)(first - keys);
    for (uint32_t i = 0; i < n; i++) count += first[i] < key;
    return count;
}

static void f16_to_f32(const uint16_t *from, float *to, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = half_to_float(from[i]);
}

static void f32_to_f16(const float *from, uint16_t *to, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = float_to_half(from[i]);
}

#define KERNEL(name, ...)                                                                                              \
    static void name(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids, size_t n,       \
                     float *out) {                                                                                     \
        (void)query_norm;                                                                                              \
        __VA_ARGS__;                                                                                                   \
    }
#define FLOAT(name, metric, scalar) KERNEL(name, float_distances(rows, query, ids, n, out, metric, scalar))
#define INTEGER(name, metric, scalar)                                                                                  \
    KERNEL(name, integer_distances(rows, query, query_norm, ids, n, out, metric, scalar))

FLOAT(l2_f32, CAIRN_L2, CAIRN_F32)
FLOAT(l2_f16, CAIRN_L2, CAIRN_F16)
INTEGER(l2_u8, CAIRN_L2, CAIRN_U8)
INTEGER(l2_i8, CAIRN_L2, CAIRN_I8)
FLOAT(product_f32, CAIRN_INNER_PRODUCT, CAIRN_F32)
FLOAT(product_f16, CAIRN_INNER_PRODUCT, CAIRN_F16)
INTEGER(product_u8, CAIRN_INNER_PRODUCT, CAIRN_U8)
INTEGER(product_i8, CAIRN_INNER_PRODUCT, CAIRN_I8)
INTEGER(cosine_u8, CAIRN_COSINE, CAIRN_U8)
INTEGER(cosine_i8, CAIRN_COSINE, CAIRN_I8)

const kernel_table cairn_scalar_kernels = {
    .distances = { { l2_f32, l2_f16, l2_u8, l2_i8 },
                   { product_f32, product_f16, product_u8, product_i8 },
                   { product_f32, product_f16, cosine_u8, cosine_i8 } },
    .codes = &cairn_scalar_codes,
    .count_less = count_less,
    .f16_to_f32 = f16_to_f32,
    .f32_to_f16 = f32_to_f16,
};
