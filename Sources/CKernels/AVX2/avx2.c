/// AVX2 with FMA and F16C. Rows are taken four, two or one at a time, as in avx512.c and with the same promise: a row's
/// distance does not depend on what else is in the call.
#if defined(__x86_64__)
#include "avx2_integers.h"
#include <string.h>

#define LARGEST_GROUP 4

// MARK: Sums across lanes

/// The sums of four registers, with the additions in the same order as in `total`.
INLINE __m128 four_totals(const __m256 *sums) {
    __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(sums[0], sums[1], 0x20),
                              _mm256_permute2f128_ps(sums[0], sums[1], 0x31));
    __m256 cd = _mm256_add_ps(_mm256_permute2f128_ps(sums[2], sums[3], 0x20),
                              _mm256_permute2f128_ps(sums[2], sums[3], 0x31));
    __m256 s = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xEE));
    s = _mm256_hadd_ps(s, s);
    return _mm_unpacklo_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

INLINE float total(__m256 sums) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
    s = _mm_add_ps(s, _mm_permute_ps(s, 0x4E));
    s = _mm_add_ps(s, _mm_permute_ps(s, 0xB1));
    return _mm_cvtss_f32(s);
}

// MARK: f32 and f16

INLINE __m256 load_floats(const char *row, size_t i, cairn_scalar scalar) {
    if (scalar == CAIRN_F16) return _mm256_cvtph_ps(_mm_loadu_si128((const void *)(row + 2 * i)));
    return _mm256_loadu_ps((const void *)(row + 4 * i));
}

INLINE float load_float(const char *row, size_t i, cairn_scalar scalar) {
    if (scalar == CAIRN_F16) {
        uint16_t half;
        memcpy(&half, row + 2 * i, sizeof half);
        return _cvtsh_ss(half);
    }
    float value;
    memcpy(&value, row + 4 * i, sizeof value);
    return value;
}

INLINE __m256 accumulate(__m256 sum, __m256 query, __m256 row, cairn_metric metric) {
    if (metric != CAIRN_L2) return _mm256_fmadd_ps(query, row, sum);
    __m256 difference = _mm256_sub_ps(query, row);
    return _mm256_fmadd_ps(difference, difference, sum);
}

INLINE void float_group(const cairn_rows *rows, const char *query, size_t dimensions, const uint32_t *ids, int count,
                        float *out, cairn_metric metric, cairn_scalar scalar) {
    const char *row[LARGEST_GROUP];
    __m256 part[LARGEST_GROUP][2];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = row_at(rows, ids[r]);
        part[r][0] = part[r][1] = _mm256_setzero_ps();
    }
    size_t i = 0;
    for (; i + 16 <= dimensions; i += 16)
        CAIRN_UNROLL
        for (int j = 0; j < 2; j++) {
            __m256 q = load_floats(query, i + 8 * j, CAIRN_F32);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++)
                part[r][j] = accumulate(part[r][j], q, load_floats(row[r], i + 8 * j, scalar), metric);
        }
    if (i + 8 <= dimensions) {
        __m256 q = load_floats(query, i, CAIRN_F32);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) part[r][0] = accumulate(part[r][0], q, load_floats(row[r], i, scalar), metric);
        i += 8;
    }
    __m256 sums[LARGEST_GROUP];
    float totals[LARGEST_GROUP];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) sums[r] = _mm256_add_ps(part[r][0], part[r][1]);
    if (count == 4) _mm_storeu_ps(totals, four_totals(sums));
    else
        for (int r = 0; r < count; r++) totals[r] = total(sums[r]);
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

// MARK: u8 and i8: widened to 16 bits, multiplied and added in pairs to 32. All modulo 2^32, which the totals fit in.

INLINE __m256i widened(const char *bytes, cairn_scalar scalar) {
    __m128i narrow = _mm_loadu_si128((const void *)bytes);
    return scalar == CAIRN_U8 ? _mm256_cvtepu8_epi16(narrow) : _mm256_cvtepi8_epi16(narrow);
}

INLINE __m256i add_terms(__m256i sum, __m256i query, __m256i row, cairn_metric metric) {
    if (metric != CAIRN_L2) return _mm256_add_epi32(sum, _mm256_madd_epi16(query, row));
    __m256i difference = _mm256_sub_epi16(query, row);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(difference, difference));
}

INLINE int32_t integer_at(const char *row, size_t i, cairn_scalar scalar) {
    return scalar == CAIRN_U8 ? (int32_t)(uint8_t)row[i] : (int32_t)(int8_t)row[i];
}

/// `registers`: the widened query if the dimensions are 128, else NULL.
INLINE void integer_group(const cairn_rows *rows, const char *query, const __m256i *registers, float query_norm,
                          const uint32_t *ids, int count, float *out, cairn_metric metric, cairn_scalar scalar) {
    const char *row[LARGEST_GROUP];
    __m256i sums[LARGEST_GROUP];
    size_t dimensions = rows->dimensions, i = 0;
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = row_at(rows, ids[r]);
        sums[r] = _mm256_setzero_si256();
        if (!registers) continue;
        CAIRN_UNROLL
        for (int j = 0; j < 8; j++)
            sums[r] = add_terms(sums[r], registers[j], widened(row[r] + 16 * j, scalar), metric);
    }
    if (registers) i = dimensions = 128;
    for (; i + 16 <= dimensions; i += 16) {
        __m256i q = widened(query + i, scalar);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++) sums[r] = add_terms(sums[r], q, widened(row[r] + i, scalar), metric);
    }
    uint32_t totals[LARGEST_GROUP];
    if (count == 4) four_integer_totals(sums, totals);
    else
        for (int r = 0; r < count; r++) totals[r] = integer_total(sums[r]);
    for (; i < dimensions; i++) {
        int32_t q = integer_at(query, i, scalar);
        for (int r = 0; r < count; r++) {
            int32_t x = integer_at(row[r], i, scalar);
            totals[r] += (uint32_t)(metric == CAIRN_L2 ? (q - x) * (q - x) : q * x);
        }
    }
    for (int r = 0; r < count; r++) out[r] = integer_distance(metric, scalar, totals[r], query_norm, rows, ids[r]);
}

INLINE void integer_distances(const cairn_rows *rows, const char *query, float query_norm, const uint32_t *ids,
                              size_t n, float *out, cairn_metric metric, cairn_scalar scalar, int is_128) {
    __m256i loaded[8];
    const __m256i *q = NULL;
    prefetch_norms(metric, rows, ids, n);
    if (is_128) {
        CAIRN_UNROLL
        for (int j = 0; j < 8; j++) loaded[j] = widened(query + 16 * j, scalar);
        q = loaded;
    }
    for (; n >= 4; n -= 4, ids += 4, out += 4) integer_group(rows, query, q, query_norm, ids, 4, out, metric, scalar);
    for (; n >= 2; n -= 2, ids += 2, out += 2) integer_group(rows, query, q, query_norm, ids, 2, out, metric, scalar);
    if (n) integer_group(rows, query, q, query_norm, ids, 1, out, metric, scalar);
}

// MARK: The pool's search and half precision

TARGET static uint32_t count_less(const uint64_t *keys, uint32_t n, uint64_t key) {
    const uint64_t *first = keys;
    n = narrow(&first, n, key, 64);
    // There are only signed comparisons: flipping the top bits makes the order of unsigned keys that of signed ones.
    __m256i top = _mm256_set1_epi64x(INT64_MIN), wanted = _mm256_xor_si256(_mm256_set1_epi64x((long long)key), top);
    uint32_t count = (uint32_t)(first - keys), i = 0;
    for (; i + 4 <= n; i += 4) {
        __m256i flipped = _mm256_xor_si256(_mm256_loadu_si256((const void *)(first + i)), top);
        int less = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(wanted, flipped)));
        count += (uint32_t)__builtin_popcount((unsigned)less);
    }
    for (; i < n; i++) count += first[i] < key;
    return count;
}

TARGET static void f16_to_f32(const uint16_t *from, float *to, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from + i))));
    for (; i < n; i++) to[i] = _cvtsh_ss(from[i]);
}

TARGET static void f32_to_f16(const float *from, uint16_t *to, size_t n) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((void *)(to + i), _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++) to[i] = _cvtss_sh(from[i], _MM_FROUND_TO_NEAREST_INT);
}

// MARK: The table

#define KERNEL(name, ...)                                                                                              \
    TARGET static void name(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids,          \
                            size_t n, float *out) {                                                                    \
        (void)query_norm;                                                                                              \
        __VA_ARGS__;                                                                                                   \
    }
#define FLOAT(name, metric, scalar)                                                                                    \
    KERNEL(name, float_distances(rows, query, rows->dimensions, ids, n, out, metric, scalar))                          \
    KERNEL(name##_128, float_distances(rows, query, 128, ids, n, out, metric, scalar))
#define INTEGER(name, metric, scalar)                                                                                  \
    KERNEL(name, integer_distances(rows, query, query_norm, ids, n, out, metric, scalar, 0))                           \
    KERNEL(name##_128, integer_distances(rows, query, query_norm, ids, n, out, metric, scalar, 1))

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

const kernel_table cairn_avx2_kernels = {
    .distances = { { l2_f32, l2_f16, l2_u8, l2_i8 },
                   { product_f32, product_f16, product_u8, product_i8 },
                   { product_f32, product_f16, cosine_u8, cosine_i8 } },
    .distances_128 = { { l2_f32_128, l2_f16_128, l2_u8_128, l2_i8_128 },
                       { product_f32_128, product_f16_128, product_u8_128, product_i8_128 },
                       { product_f32_128, product_f16_128, cosine_u8_128, cosine_i8_128 } },
    .codes = &cairn_avx2_codes,
    .count_less = count_less,
    .f16_to_f32 = f16_to_f32,
    .f32_to_f16 = f32_to_f16,
};
#endif
