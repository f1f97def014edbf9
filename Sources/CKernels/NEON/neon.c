/// NEON, which every AArch64 CPU has. Rows are taken four, two or one at a time, as in avx512.c and with the same
/// promise: a row's distance does not depend on what else is in the call.
#if defined(__aarch64__)
#include "kernel_table.h"
#include <arm_neon.h>
#include <string.h>

#define INLINE CAIRN_ALWAYS_INLINE
#define LARGEST_GROUP 4

// MARK: f32 and f16

INLINE float32x4_t load_floats(const char *row, size_t i, cairn_scalar scalar) {
    // Through bytes, which may start at any address.
    if (scalar == CAIRN_F16) return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8((const uint8_t *)row + 2 * i)));
    return vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)row + 4 * i));
}

INLINE float load_float(const char *row, size_t i, cairn_scalar scalar) {
    if (scalar == CAIRN_F16) {
        uint16_t half;
        memcpy(&half, row + 2 * i, sizeof half);
        return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(half))), 0);
    }
    float value;
    memcpy(&value, row + 4 * i, sizeof value);
    return value;
}

INLINE float32x4_t accumulate(float32x4_t sum, float32x4_t query, float32x4_t row, cairn_metric metric) {
    if (metric != CAIRN_L2) return vfmaq_f32(sum, query, row);
    float32x4_t difference = vsubq_f32(query, row);
    return vfmaq_f32(sum, difference, difference);
}

INLINE void float_group(const cairn_rows *rows, const char *query, size_t dimensions, const uint32_t *ids, int count,
                        float *out, cairn_metric metric, cairn_scalar scalar) {
    const char *row[LARGEST_GROUP];
    float32x4_t part[LARGEST_GROUP][4];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = row_at(rows, ids[r]);
        part[r][0] = part[r][1] = part[r][2] = part[r][3] = vdupq_n_f32(0);
    }
    size_t i = 0;
    for (; i + 16 <= dimensions; i += 16)
        CAIRN_UNROLL
        for (int j = 0; j < 4; j++) {
            float32x4_t q = load_floats(query, i + 4 * j, CAIRN_F32);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++)
                part[r][j] = accumulate(part[r][j], q, load_floats(row[r], i + 4 * j, scalar), metric);
        }
    for (; i + 4 <= dimensions; i += 4) {
        float32x4_t q = load_floats(query, i, CAIRN_F32);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) part[r][0] = accumulate(part[r][0], q, load_floats(row[r], i, scalar), metric);
    }
    float totals[LARGEST_GROUP];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++)
        totals[r] = vaddvq_f32(vaddq_f32(vaddq_f32(part[r][0], part[r][1]), vaddq_f32(part[r][2], part[r][3])));
    for (; i < dimensions; i++) {
        float q = load_float(query, i, CAIRN_F32);
        for (int r = 0; r < count; r++) {
            float x = load_float(row[r], i, scalar), difference = q - x;
            totals[r] = metric == CAIRN_L2 ? __builtin_fmaf(difference, difference, totals[r])
                                           : __builtin_fmaf(q, x, totals[r]);
        }
    }
    for (int r = 0; r < count; r++) out[r] = metric == CAIRN_L2 ? totals[r] : negated(totals[r]);
}

INLINE void float_distances(const cairn_rows *rows, const char *query, size_t dimensions, const uint32_t *ids, size_t n,
                            float *out, cairn_metric metric, cairn_scalar scalar) {
    for (; n >= 4; n -= 4, ids += 4, out += 4) float_group(rows, query, dimensions, ids, 4, out, metric, scalar);
    for (; n >= 2; n -= 2, ids += 2, out += 2) float_group(rows, query, dimensions, ids, 2, out, metric, scalar);
    if (n) float_group(rows, query, dimensions, ids, 1, out, metric, scalar);
}

#define FLOAT(name, metric, scalar)                                                                                    \
    static void name(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids, size_t n,       \
                     float *out) {                                                                                     \
        (void)query_norm;                                                                                              \
        float_distances(rows, query, rows->dimensions, ids, n, out, metric, scalar);                                   \
    }                                                                                                                  \
    static void name##_128(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids, size_t n, \
                           float *out) {                                                                               \
        (void)query_norm;                                                                                              \
        float_distances(rows, query, 128, ids, n, out, metric, scalar);                                                \
    }

FLOAT(l2_f32, CAIRN_L2, CAIRN_F32)
FLOAT(l2_f16, CAIRN_L2, CAIRN_F16)
FLOAT(product_f32, CAIRN_INNER_PRODUCT, CAIRN_F32)
FLOAT(product_f16, CAIRN_INNER_PRODUCT, CAIRN_F16)

// MARK: u8 and i8

#define NAMED(name) name
#define TARGET
#define DOT_PRODUCT 0
#include "neon_integers.h"
#undef NAMED
#undef TARGET
#undef DOT_PRODUCT

#define NAMED(name) name##_with_dot_product
#define TARGET CAIRN_DOT_PRODUCT_TARGET
#define DOT_PRODUCT 1
#include "neon_integers.h"

// MARK: The pool's search and half precision

static uint32_t count_less(const uint64_t *keys, uint32_t n, uint64_t key) {
    const uint64_t *first = keys;
    n = narrow(&first, n, key, 32);
    uint64x2_t wanted = vdupq_n_u64(key), even = vdupq_n_u64(0), odd = even;
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {  // a lane that compares true is -1
        even = vsubq_u64(even, vcltq_u64(vld1q_u64(first + i), wanted));
        odd = vsubq_u64(odd, vcltq_u64(vld1q_u64(first + i + 2), wanted));
    }
    uint32_t count = (uint32_t)(first - keys) + (uint32_t)vaddvq_u64(vaddq_u64(even, odd));
    for (; i < n; i++) count += first[i] < key;
    return count;
}

static void f16_to_f32(const uint16_t *from, float *to, size_t n) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) vst1q_f32(to + i, load_floats((const char *)from, i, CAIRN_F16));
    for (; i < n; i++) to[i] = load_float((const char *)from, i, CAIRN_F16);
}

static void f32_to_f16(const float *from, uint16_t *to, size_t n) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) vst1_u16(to + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from + i))));
    for (; i < n; i++) to[i] = vget_lane_u16(vreinterpret_u16_f16(vcvt_f16_f32(vdupq_n_f32(from[i]))), 0);
}

// MARK: The tables

#define TABLE(suffix, codes_suffix)                                                                                    \
    {                                                                                                                  \
        .distances = { { l2_f32, l2_f16, l2_u8##suffix, l2_i8##suffix },                                               \
                       { product_f32, product_f16, product_u8##suffix, product_i8##suffix },                           \
                       { product_f32, product_f16, cosine_u8##suffix, cosine_i8##suffix } },                           \
        .distances_128 = { { l2_f32_128, l2_f16_128, l2_u8_128##suffix, l2_i8_128##suffix },                           \
                           { product_f32_128, product_f16_128, product_u8_128##suffix, product_i8_128##suffix },       \
                           { product_f32_128, product_f16_128, cosine_u8_128##suffix, cosine_i8_128##suffix } },       \
        .codes = &cairn_neon##codes_suffix##_codes, .count_less = count_less,                                          \
        .f16_to_f32 = f16_to_f32, .f32_to_f16 = f32_to_f16,                                                            \
    }

const kernel_table cairn_neon_kernels = TABLE(, );
const kernel_table cairn_neon_dotprod_kernels = TABLE(_with_dot_product, _dotprod);
#endif
